"""``audioprompt generate``: candidates for a task, as a new pack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.group import UsageError
from audioprompt.cli.options import AsJson
from audioprompt.cli.output import Json, print_, print_json, progress_bar, say, table
from audioprompt.core.labels import LabelError
from audioprompt.data import open_clips
from audioprompt.models import registry
from audioprompt.prompts.chat.requests import candidates_request, ideas_request
from audioprompt.prompts.checks import check
from audioprompt.prompts.generators import (
    GENERATORS,
    LEXICON,
    OPENAI,
    GenerationError,
    Generator,
    GeneratorKind,
    GeneratorSettings,
    Ideas,
    Task,
    as_pack,
)
from audioprompt.prompts.pack import PackError
from audioprompt.prompts.store import PromptStore
from audioprompt.services.generate import better_category, create_under_free_id, proposed_id, proposed_title, task_of
from audioprompt.services.recipes import (
    CHECKED_WITH,
    KEPT,
    MODEL,
    RECIPES,
    TSPE,
    finish_pack,
    keep_suitable,
    paper_tasks,
)
from audioprompt.util.text import named as named_few

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.prompts.checks import Flag
    from audioprompt.prompts.pack import PromptPack
    from audioprompt.prompts.template import Template


@dataclass(frozen=True)
class TaskOptions:
    """What the candidates are for, and the words to write them with."""

    category: Annotated[
        str | None,
        typer.Option(help="Kind of task: instruments, acoustic_scenes, music_genre, impact_emergency or vocal_sounds."),
    ] = None
    labels: Annotated[str | None, typer.Option(help="Sounds to tell apart, such as 'dog bark, rain'.")] = None
    data: Annotated[str | None, typer.Option(help="Take the labels from this data set.")] = None
    attributes: Annotated[
        str | None, typer.Option(help="Attributes to write with, such as 'loud, faint'; proposed by default.")
    ] = None
    sources: Annotated[
        str | None, typer.Option(help="Sources to write with, such as 'room, the sea'; proposed by default.")
    ] = None
    count: Annotated[int, typer.Option(min=1, max=500, help="Number of candidates to write.")] = 40

    def parse(self) -> Task:
        """Read the task; what was left out of the labels is said on stderr."""
        if self.labels is not None and self.data is not None:
            raise UsageError("Give --labels or --data, not both.")
        try:
            task, notice = task_of(self.category, self.labels or "")
        except (LabelError, GenerationError) as error:
            raise UsageError(str(error)) from error
        if notice:
            say(notice)
        return task if self.data is None else replace(task, labels=open_clips(self.data).spoken_classes)

    def parse_tasks(self, recipe: str | None) -> list[Task]:
        """Read the task, or for a recipe without labels the paper's own: of the category, or of all five."""
        task = self.parse()
        return paper_tasks(task.category) if recipe and not task.labels else [task]

    @property
    def ideas(self) -> Ideas | None:
        """The words that were given, None if they are to be proposed."""
        if self.attributes is None and self.sources is None:
            return None
        return Ideas(_split_words(self.attributes), _split_words(self.sources))


@dataclass(frozen=True)
class GeneratorOptions:
    """Who writes the candidates."""

    generator: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(GENERATORS.names),
            help=" ".join(f"{one.name}: {one.description}" for one in GENERATORS),
            show_default=LEXICON.name,
        ),
    ] = None
    seed: Annotated[
        int, typer.Option(help="Random seed. The same seed gives the same candidates (services: usually).")
    ] = 0
    service: Annotated[
        bool,
        typer.Option("--service", help=f"Short for --generator {OPENAI.name}. The key is read from OPENAI_API_KEY."),
    ] = False
    model_name: Annotated[str | None, typer.Option(help="Model of the service.")] = None
    base_url: Annotated[str | None, typer.Option(help="Address of the service (OpenAI's by default).")] = None
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="Sampling temperature of the service (0.7 by default).")
    ] = None
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(RECIPES),
            help=f"{TSPE}: have {MODEL} (or --model-name) write 40 prompts for each of the paper's five categories, or "
            f"for --category, and propose {KEPT} of them. Requests and answers are kept in the packs.",
        ),
    ] = None

    @property
    def kind(self) -> GeneratorKind:
        """The kind of generator that was chosen.

        Raises:
            UsageError: there is none of this name, or two were chosen.
        """
        if self.recipe not in (None, *RECIPES):
            raise UsageError(f"There is no recipe {self.recipe!r}. Choose one of: {', '.join(RECIPES)}.")
        asks = "--service" if self.service else f"--recipe {self.recipe}" if self.recipe else None
        if asks and self.generator not in (None, OPENAI.name):
            raise UsageError(f"Give {asks} or --generator {self.generator}, not both.")
        name = self.generator or (OPENAI.name if asks else LEXICON.name)
        if name not in GENERATORS:
            raise UsageError(f"There is no generator {name!r}. Choose one of: {', '.join(GENERATORS.names)}.")
        return GENERATORS[name]

    def check(self, show_request: bool) -> None:
        """Refuse options that do not go together.

        Raises:
            UsageError: they do not.
        """
        if not self.kind.is_service and (self.model_name or self.base_url or self.temperature is not None):
            raise UsageError("--model-name, --base-url and --temperature belong to a service: give --service too.")
        if self.kind.is_service and not (self.model_name or self.recipe or show_request):
            raise UsageError("Give the model that the service should use: --model-name NAME.")

    def make(self) -> Generator:
        """Make the generator."""
        warmth = 0.7 if self.temperature is None else self.temperature
        model = self.model_name or (MODEL if self.recipe else "")
        return self.kind.make(GeneratorSettings(self.seed, model, self.base_url, temperature=warmth))


@dataclass(frozen=True)
class PackOptions:
    """What the new pack is called."""

    pack_id: Annotated[str | None, typer.Option("--id", help="Id of the new pack; chosen for you by default.")] = None
    title: Annotated[str | None, typer.Option(help="Title of the new pack; chosen for you by default.")] = None

    def check(self, tasks: Sequence[Task]) -> None:
        """Refuse one name for several packs.

        Raises:
            UsageError: it was given.
        """
        if len(tasks) > 1 and (self.pack_id or self.title):
            raise UsageError("--id and --title name one pack: give --category too.")

    def choose(self, task: Task, taken: Sequence[str]) -> tuple[str, str]:
        """Choose id and title, refused before anything is generated where the id is taken."""
        if self.pack_id in taken:
            raise PackError(f"A prompt pack is called {self.pack_id!r} already: choose another --id.")
        today = datetime.now(timezone.utc).date()
        return self.pack_id or proposed_id(task, today, taken), self.title or proposed_title(task, today)


def generate(
    what: TaskOptions,
    who: GeneratorOptions,
    named: PackOptions,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the candidates without saving a pack.")] = False,
    show_request: Annotated[
        bool, typer.Option("--show-request", help="Print the request that a service would get, without sending it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Generate candidate prompts for a task as a new pack to curate."""
    who.check(show_request)
    tasks, ideas = what.parse_tasks(who.recipe), what.ideas
    named.check(tasks)
    for task in tasks:
        if better := better_category(task):
            say(better[1])
    if show_request:
        typer.echo("\n\n".join(_requests(task, ideas, what.count) for task in tasks))
        return
    store = PromptStore()
    written: list[Written] = []
    for task in tasks:
        written.append(_generate(task, ideas, what.count, who, named, store, dry_run))
        written[-1].show(as_json)
        if written[-1].is_short:
            break
    if as_json:
        found = [one.as_json() for one in written]
        print_json(found if who.recipe else found[0])
    if written[-1].is_short:
        raise typer.Exit(1)


@dataclass(frozen=True)
class Written:
    """A pack that was generated.

    Attributes:
        pack: with the candidates that came.
        flags: on each of them.
        kept: whether it is in the store.
        notice: what its generator says of the candidates.
        failure: what ended it too soon.
    """

    pack: PromptPack
    flags: Sequence[Sequence[Flag]]
    kept: bool
    notice: str | None
    failure: GenerationError | None

    @property
    def is_short(self) -> bool:
        """Whether it failed."""
        return self.failure is not None or not self.pack.entries

    def as_json(self) -> Json:
        """Return what programs are told."""
        return {**_pack_json(self.pack, self.flags), "kept": self.kept, "notice": self.notice}

    def show(self, as_json: bool) -> None:
        """Print it for people; where programs are told of it, only what went wrong."""
        pack = self.pack
        if pack.entries and not as_json:
            print_(*_tables(pack, self.flags))
        if self.notice:
            say(self.notice)
        if self.kept and not as_json:
            proposed = f", {len(pack.approved)} of them proposed and approved" if pack.approved else ""
            say(f"The {len(pack.entries)} candidates are in the pack {pack.id}{proposed}: curate them next.")
        if self.failure:
            say(self.failure)


def _generate(
    task: Task,
    ideas: Ideas | None,
    count: int,
    who: GeneratorOptions,
    named: PackOptions,
    store: PromptStore,
    dry_run: bool,
) -> Written:
    """Write a pack for one task."""
    generator = who.make()
    pack_id, title = named.choose(task, store.ids())
    as_pack(task, [], generator, pack_id, title)  # an unfit id or title is refused before anything is asked for
    model = registry.load(CHECKED_WITH) if who.recipe else None

    templates, failure = _write(generator, task, ideas, count, who.recipe)
    pack = as_pack(task, templates, generator, pack_id, title)
    if model and templates:
        with progress_bar("checks") as progress:
            pack, flags = finish_pack(pack, task, generator, model, progress)
    else:
        flags = check(templates, task.labels)
    kept = bool(templates) and not dry_run
    if kept and named.pack_id:
        store.create(pack)
    elif kept:  # others may have taken the id while the candidates were written
        pack = create_under_free_id(store, pack)
    return Written(pack, flags, kept, generator.notice, failure)


def _split_words(words: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (words or "").split(",") if word.strip())


def _write(
    generator: Generator, task: Task, ideas: Ideas | None, count: int, recipe: str | None
) -> tuple[list[Template], GenerationError | None]:
    """Write candidates; what came before a failure is kept."""
    templates: list[Template] = []
    try:
        with progress_bar("candidates") as progress:
            words = ideas or generator.ideas(task)
            if not ideas and generator.notice:
                say(generator.notice)
            if recipe and not ideas:
                words, left_out = keep_suitable(words, task.labels)
                if left_out:
                    say(f"Left out of the words proposed: {named_few(left_out)}.")
            for template in generator.candidates(task, words, count):
                templates.append(template)
                progress(len(templates), count)
    except GenerationError as error:
        return templates, error
    return templates, None


def _requests(task: Task, ideas: Ideas | None, count: int) -> str:
    """Write what a service is asked: for words, and with the words in hand for candidates."""
    if ideas:
        return candidates_request(task, ideas, count)
    say("A second request then asks for candidates with the words kept: give --attributes and --sources to see it.")
    return ideas_request(task)


# --- what came --------------------------------------------------------------------------------------------------------


def _pack_json(pack: PromptPack, flags: Sequence[Sequence[Flag]]) -> Json:
    candidates = [
        {
            "template": entry.template.text,
            "attribute": entry.template.attribute,
            "source": entry.template.source,
            "flags": [asdict(flag) for flag in found],
            **({"proposed": entry.status == "approved"} if pack.approved else {}),
        }
        for entry, found in zip(pack.entries, flags, strict=True)
    ]
    origin = {"generator": pack.provenance.generator, "settings": pack.provenance.settings}
    return {"pack": pack.id, "title": pack.title, "category": pack.category, **origin, "candidates": candidates}


def _tables(pack: PromptPack, flags: Sequence[Sequence[Flag]]) -> Iterator[RenderableType]:
    settings = ", ".join(f"{name} {value}" for name, value in pack.provenance.settings.items() if value is not None)
    yield f"{pack.title}, by {pack.provenance.generator} ({settings})"
    rows = [
        ["yes" if entry.status == "approved" else "", entry.template.text, "; ".join(flag.reason for flag in found)]
        for entry, found in zip(pack.entries, flags, strict=True)
    ]
    first = 0 if pack.approved else 1  # without a proposal there is no column for it
    yield table(["proposed", "candidate", "look at"][first:], [row[first:] for row in rows])
