"""Who writes candidates: the offline lexicon, or in `audioprompt.prompts.chat` a service with OpenAI's chat API.

Both work in TSPE's two steps: first propose attributes and sources for a task, of which a person keeps what suits; then
write candidates from the words kept, in the three formats of ``template.FORMATS``.

    >>> lexicon = OfflineLexicon(seed=1)
    >>> task = Task("instruments", ("violin", "flute"))
    >>> for template in lexicon.candidates(task, lexicon.ideas(task), count=2):
    ...     print(template.fill("violin"))
    A full sound of violin
    The sound of violin coming from a street performer

What a service is asked is in ``requests/``, one text file for each step.
"""

import json
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from itertools import islice
from pathlib import Path
from random import Random
from typing import Protocol

from pydantic import JsonValue, ValidationError

from audioprompt.lines import one_line
from audioprompt.prompts.lexicon import lexicon
from audioprompt.prompts.pack import (
    CATEGORIES,
    Category,
    PackEntry,
    PackError,
    PromptPack,
    Provenance,
    in_plain_words,
)
from audioprompt.prompts.template import FORMATS, SLOT, Template, TemplateError

COUNT = 40  # candidates written for a task, as in the paper
OPENAI_URL = "https://api.openai.com/v1"


class GenerationError(RuntimeError):
    """No candidates, or no more of them; the message says why and what to do, and never holds a key."""


@dataclass(frozen=True)
class Task:
    """What is to be told apart.

    Attributes:
        category: the TSPE task category, None where none fits.
        labels: the sounds, as a prompt says them; there may be none yet. Blanks are tidied, repeats dropped.
    """

    category: Category | None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(dict.fromkeys(filter(None, map(one_line, self.labels)))))

    @property
    def title(self) -> str:
        """The category in words."""
        return CATEGORIES[self.category] if self.category else "Sound recognition"


@dataclass(frozen=True)
class Ideas:
    """Attributes and sources to write prompts with, without their "a" or "an"; repeats are dropped.

    Raises:
        TemplateError: a word is unfit for a template.
    """

    attributes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        attributes = (Template.tspe(attribute=word).attribute or "" for word in self.attributes)
        sources = (Template.tspe(source=word).source or "" for word in self.sources)
        object.__setattr__(self, "attributes", distinct(attributes))
        object.__setattr__(self, "sources", distinct(sources))


class Generator(Protocol):
    """Whoever writes candidates."""

    name: str  # as a pack's provenance has it

    @property
    def settings(self) -> dict[str, JsonValue]:
        """What candidates depend on besides the task and the ideas; never a secret."""
        ...

    @property
    def notice(self) -> str | None:
        """What a person should know about the candidates written last: how many were left out, and why."""
        ...

    def ideas(self, task: Task) -> Ideas:
        """Propose attributes and sources for a task.

        Raises:
            GenerationError: none can be had.
        """
        ...

    def candidates(self, task: Task, ideas: Ideas, count: int = COUNT) -> Iterator[Template]:
        """Write at most ``count`` different candidates with the words of ``ideas``, each as soon as it is there.

        Raises:
            GenerationError: there are no more; those that came before are good.
        """
        ...


def as_pack(
    task: Task,
    templates: Iterable[Template],
    generator: Generator,
    pack_id: str,
    title: str,
    labels_name: str = "Labels",
    written_on: date | None = None,
) -> PromptPack:
    """Put candidates into a new pack that records who wrote them, with the task's labels as its preset.

    Args:
        labels_name: name of the preset.
        written_on: today (UTC) if None.

    Raises:
        PackError: the id or title is unfit, or a template comes twice.
    """
    try:
        return PromptPack(
            id=pack_id,
            title=title,
            category=task.category,
            provenance=Provenance(
                generator=generator.name,
                settings=generator.settings,
                written_on=written_on or datetime.now(timezone.utc).date(),
            ),
            entries=tuple(PackEntry(template=template) for template in templates),
            label_presets={labels_name: task.labels} if task.labels else {},
        )
    except ValidationError as error:
        raise PackError(f"{title}: {in_plain_words(error)}") from error


# --- the offline lexicon ----------------------------------------------------------------------------------------------


class OfflineLexicon:
    """Writes candidates from the lexicon that comes with this package: no key, no network.

    The same seed, task and ideas give the same candidates. The three formats come in turn, and every word is used
    about as often as any other.
    """

    name = "lexicon"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.notice: str | None = None

    @property
    def settings(self) -> dict[str, JsonValue]:
        """The seed."""
        return {"seed": self.seed}

    def ideas(self, task: Task) -> Ideas:
        """The lexicon's words for the task's category that suit its labels and name none of them."""
        words = lexicon()
        return Ideas(words.attributes(task.category, task.labels), words.sources(task.category, task.labels))

    def candidates(self, task: Task, ideas: Ideas, count: int = COUNT) -> Iterator[Template]:
        """Combine the words of ``ideas``, with the exception of pairs that make no sense; fewer if they do not last."""
        self.notice = None
        choices = Random(self.seed)
        attributes = choices.sample(ideas.attributes, len(ideas.attributes))
        sources = choices.sample(ideas.sources, len(ideas.sources))
        pairs: list[Words] = [
            (one, other) for one in attributes for other in sources if lexicon().goes_together(one, other)
        ]
        choices.shuffle(pairs)
        formats: list[list[Words]] = [[(word, None) for word in attributes], [(None, word) for word in sources], pairs]
        chosen = list(islice(_in_turn(formats), count))
        if len(chosen) < count:
            self.notice = f"These words give {len(chosen)} of {count} prompts: keep or add more of them."
        for words in chosen:
            yield Template.tspe(*words)


Words = tuple[str | None, str | None]  # attribute and source of one prompt


def _in_turn(formats: Sequence[list[Words]]) -> Iterator[Words]:
    """Take from one format after the other, each time the choice whose words have been used least; empties them."""
    uses: Counter[tuple[int, str | None]] = Counter()
    while any(formats):
        for left in filter(None, formats):
            words = min(left, key=lambda words: sum(uses[use] for use in enumerate(words)))
            left.remove(words)
            uses.update(use for use in enumerate(words) if use[1])
            yield words


# --- what a service is asked ------------------------------------------------------------------------------------------


def ideas_request(task: Task) -> str:
    """The exact text that asks a service for attributes and sources."""
    return _request("ideas", task=task.title, labels=_quoted(task.labels, "any of this kind"))


def candidates_request(task: Task, ideas: Ideas, count: int = COUNT, there: Sequence[Template] = ()) -> str:
    """The exact text that asks a service for candidates, others than those ``there`` already."""
    given = {"attribute": bool(ideas.attributes), "source": bool(ideas.sources)}
    given["attribute_source"] = all(given.values())
    formats = [f"- {layout.replace('<label>', SLOT)}" for name, layout in FORMATS.items() if given[name]]
    others = [f"- {template.text}" for template in there]
    return _request(
        "candidates",
        task=task.title,
        labels=_quoted(task.labels, "any of this kind"),
        attributes=_quoted(ideas.attributes),
        sources=_quoted(ideas.sources),
        count=str(count),
        formats="\n".join(formats),
        there="\n".join(["These are written already, so write others:", *others, ""]) if others else "",
    )


def _request(name: str, **words: str) -> str:
    text = (Path(__file__).parent / "requests" / f"{name}.md").read_text(encoding="utf-8")
    return string.Template(text).substitute(words).strip()


def _quoted(words: Iterable[str], if_none: str = "none") -> str:
    return ", ".join(json.dumps(word, ensure_ascii=False) for word in words) or if_none


def distinct(words: Iterable[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for word in words:
        first.setdefault(word.casefold(), word)
    return tuple(first.values())


def fit(word: str) -> bool:
    """Whether a word can be put into a template."""
    try:
        return Template.tspe(word).attribute is not None
    except TemplateError:
        return False
