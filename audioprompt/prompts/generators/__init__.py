"""Who writes candidates: the offline lexicon, or in `generators.openai` a service with OpenAI's chat API.

Both work in TSPE's two steps: first propose attributes and sources for a task, of which a person keeps what suits; then
write candidates from the words kept, in the three formats of ``template.FORMATS``.

    >>> lexicon = OfflineLexicon(seed=1)
    >>> task = Task("instruments", ("violin", "flute"))
    >>> for template in lexicon.candidates(task, lexicon.ideas(task), count=2):
    ...     print(template.fill("violin"))
    A full sound of violin
    The sound of violin coming from a street performer

What a service is asked is in ``chat/``, one text file for each step.
"""

import json
import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from itertools import islice
from pathlib import Path
from random import Random
from typing import Protocol

from pydantic import JsonValue, ValidationError

from audioprompt.errors import AudiopromptError
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
from audioprompt.util.text import one_line

COUNT = 40  # candidates written for a task, as in the paper
MOST_WORDS = 100  # attributes, and as many sources, that prompts are written with
OPENAI_URL = "https://api.openai.com/v1"


class GenerationError(AudiopromptError, RuntimeError):
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
        GenerationError: there are too many words of a kind.
        TemplateError: a word is unfit for a template.
    """

    attributes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for kind, words in (("attributes", self.attributes), ("sources", self.sources)):
            if len(words) > MOST_WORDS:
                raise GenerationError(f"{len(words):,} {kind} are too many: keep it to {MOST_WORDS}.")
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
        chosen = list(islice(_in_turn(attributes, sources), count))
        if len(chosen) < count:
            self.notice = f"These words give {len(chosen)} of {count} prompts: keep or add more of them."
        for words in chosen:
            yield Template.tspe(*words)


Words = tuple[str | None, str | None]  # attribute and source of one prompt


def _in_turn(attributes: Sequence[str], sources: Sequence[str]) -> Iterator[Words]:
    """Take an attribute, a source and a pair in turn, each time the choice whose words have been used least."""
    uses: Counter[tuple[str, str]] = Counter()  # by kind and word
    taken: set[Words] = set()

    def used(kind: str) -> Callable[[str], int]:
        return lambda word: uses[kind, word]

    def pair() -> Words | None:
        """The pair to take next; pairs are looked at one by one, from the least used words on."""
        best: Words | None = None
        fewest = 0
        by_use = sorted(sources, key=used("source"))
        for one in sorted(attributes, key=used("attribute")):
            if best and uses["attribute", one] + uses["source", by_use[0]] >= fewest:
                break
            fits = (other for other in by_use if (one, other) not in taken and lexicon().goes_together(one, other))
            if (other := next(fits, None)) and (not best or uses["attribute", one] + uses["source", other] < fewest):
                best, fewest = (one, other), uses["attribute", one] + uses["source", other]
        return best

    left: dict[str, list[str]] = {"attribute": list(attributes), "source": list(sources)}
    formats = ["attribute", "source", "attribute_source"]
    while formats:
        for name in list(formats):
            words: Words | None = None
            if name == "attribute_source":
                words = pair()
            elif left[name]:
                word = min(left[name], key=used(name))
                left[name].remove(word)
                words = (word, None) if name == "attribute" else (None, word)
            if words is None:
                formats.remove(name)
                continue
            taken.add(words)
            uses.update((kind, word) for kind, word in zip(("attribute", "source"), words, strict=True) if word)
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
    text = (Path(__file__).parents[1] / "chat" / f"{name}.md").read_text(encoding="utf-8")
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
