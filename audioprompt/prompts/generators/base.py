"""What a generator of candidates is, and what it is given.

All work in TSPE's two steps: first propose attributes and sources for a task, of which a person keeps what suits; then
write candidates from the words kept, in the three formats of ``template.FORMATS``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pkgutil import resolve_name
from typing import Protocol

from pydantic import JsonValue, ValidationError

from audioprompt.errors import AudiopromptError
from audioprompt.prompts.pack import CATEGORIES, Category, PackEntry, PackError, PromptPack, Provenance
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.util.schema import explain
from audioprompt.util.text import one_line

COUNT = 40  # candidates written for a task, as in the paper
MAX_WORDS = 100  # attributes, and as many sources, that prompts are written with


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
            if len(words) > MAX_WORDS:
                raise GenerationError(f"{len(words):,} {kind} are too many: keep it to {MAX_WORDS}.")
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


@dataclass(frozen=True)
class GeneratorSettings:
    """What a generator is made with; each takes what it needs.

    Attributes:
        seed: the same seed gives the same candidates, of a service mostly; None for none.
        model: a service's name for its model.
        base_url: address of a service; None for the usual one.
        api_key: key for a service; None for that of the environment.
        temperature: of a service; None for the model's own.
    """

    seed: int | None = 0
    model: str = ""
    base_url: str | None = None
    api_key: str | None = None
    temperature: float | None = 0.7


@dataclass(frozen=True)
class GeneratorKind:
    """A kind of generator: what page, shell and documentation say of it, and how one is made.

    Attributes:
        name: what people call it in commands: "lexicon".
        title: what pages call it: "Offline lexicon".
        description: one line on what it is.
        maker: where the function is that makes one of its settings, ``module:function``, imported when it is needed.
        is_service: whether it asks a service, and so takes a model, an address and a key.
    """

    name: str
    title: str
    description: str
    maker: str
    is_service: bool = False

    def make(self, settings: GeneratorSettings) -> Generator:
        """Make a generator.

        Raises:
            GenerationError: the settings do not fit.
        """
        generator: Generator = resolve_name(self.maker)(settings)
        return generator


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
        task: what the candidates are for.
        templates: the candidates.
        generator: who wrote them.
        pack_id: id of the pack.
        title: title of the pack.
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
        raise PackError(f"{title}: {explain(error)}") from error


def distinct(words: Iterable[str]) -> tuple[str, ...]:
    """Drop words that came before, in whatever case."""
    first: dict[str, str] = {}
    for word in words:
        first.setdefault(word.casefold(), word)
    return tuple(first.values())


def fits(word: str) -> bool:
    """Tell whether a word can be put into a template, as an attribute or a source, with another no longer than it."""
    try:
        Template.tspe(word, word)
    except TemplateError:
        return False
    return True
