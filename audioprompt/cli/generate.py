"""``audioprompt generate``: candidates for a task, as a new pack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.commands import UsageError
from audioprompt.cli.options import AsJson
from audioprompt.cli.output import Json, print_, print_json, progress_bar, say, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.prompts.checks import Flag
    from audioprompt.prompts.generators import Generator, Ideas, Task
    from audioprompt.prompts.pack import PromptPack
    from audioprompt.prompts.template import Template


def generate(
    category: Annotated[
        str | None,
        typer.Option(help="instruments, acoustic_scenes, music_genre, impact_emergency or vocal_sounds."),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="The sounds to tell apart: 'dog bark, rain'.")] = None,
    data: Annotated[str | None, typer.Option(help="Take the labels from this data set: a CSV file or folder.")] = None,
    attributes: Annotated[str | None, typer.Option(help="Write with these: 'loud, faint', not those proposed.")] = None,
    sources: Annotated[str | None, typer.Option(help="Write with these: 'room, the sea', not those proposed.")] = None,
    count: Annotated[int, typer.Option(min=1, max=500, help="Candidates to write.")] = 40,
    seed: Annotated[int, typer.Option(help="The same seed gives the same candidates, of a service mostly.")] = 0,
    service: Annotated[
        bool,
        typer.Option("--service", help="Ask a chat service, with the key in OPENAI_API_KEY, not the offline lexicon."),
    ] = False,
    model_name: Annotated[str | None, typer.Option(help="The service's model.")] = None,
    base_url: Annotated[str | None, typer.Option(help="The service's address, OpenAI's if none is given.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="Of the service, 0.7 if not given.")] = None,
    pack_id: Annotated[str | None, typer.Option("--id", help="Of the new pack; one is proposed if not given.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the new pack; one is proposed if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the candidates, and keep no pack.")] = False,
    show_request: Annotated[
        bool, typer.Option("--show-request", help="Print what a service would be asked, and do not ask.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write candidate prompts for a task into a new pack, to be curated."""
    from audioprompt.candidates import better_category
    from audioprompt.prompts.checks import check
    from audioprompt.prompts.generators import GenerationError, Ideas, OfflineLexicon, as_pack
    from audioprompt.prompts.store import PromptStore

    if not service and (model_name or base_url or temperature is not None):
        raise UsageError("--model-name, --base-url and --temperature belong to a service: give --service too.")
    if service and not (model_name or show_request):
        raise UsageError("Say which model the service is to use: --model-name NAME.")
    task = _task(category, labels, data)
    if better := better_category(task):
        say(better[1])
    given = None if attributes is None and sources is None else Ideas(_listed(attributes), _listed(sources))
    if show_request:
        typer.echo(_requests(task, given, count))
        return
    generator: Generator = OfflineLexicon(seed)
    if service:
        from audioprompt.prompts.generators.openai import ChatService

        warmth = 0.7 if temperature is None else temperature
        generator = ChatService(model_name or "", base_url, temperature=warmth, seed=seed)
    store = PromptStore()
    pack_id, title = _named(task, pack_id, title, store.ids())
    as_pack(task, [], generator, pack_id, title)  # an unfit id or title is refused before anything is asked for

    templates: list[Template] = []
    failure: GenerationError | None = None
    try:
        with progress_bar("candidates") as progress:
            for template in generator.candidates(task, given or generator.ideas(task), count):
                templates.append(template)
                progress(len(templates), count)
    except GenerationError as error:
        failure = error  # what came before it is kept
    pack = as_pack(task, templates, generator, pack_id, title)
    kept = bool(templates) and not dry_run
    if kept:
        store.create(pack)
    flags = check(templates, task.labels)
    if as_json:
        print_json({**_pack_json(pack, flags), "kept": kept, "notice": generator.notice})
    elif templates:
        print_(*_tables(pack, flags))
    if generator.notice:
        say(generator.notice)
    if kept and not as_json:
        say(f"The {len(templates)} candidates are in the pack {pack.id}: curate them next.")
    if failure:
        say(failure)
    if failure or not templates:
        raise typer.Exit(1)


# --- what to generate -------------------------------------------------------------------------------------------------


def _task(category: str | None, labels: str | None, data: str | None) -> Task:
    from audioprompt.candidates import task_of
    from audioprompt.classify import LabelError
    from audioprompt.prompts.generators import GenerationError

    if labels is not None and data is not None:
        raise UsageError("Give --labels or --data, not both.")
    try:
        task, notice = task_of(category, labels or "")
    except (LabelError, GenerationError) as error:
        raise UsageError(str(error)) from error
    if notice:
        say(notice)
    if data is None:
        return task
    from audioprompt.data import open_clips

    return replace(task, labels=open_clips(data).spoken_classes)


def _listed(words: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (words or "").split(",") if word.strip())


def _named(task: Task, pack_id: str | None, title: str | None, taken: Sequence[str]) -> tuple[str, str]:
    """Id and title of the new pack, refused before anything is generated where the id is taken."""
    from audioprompt.candidates import proposed_id, proposed_title
    from audioprompt.prompts.pack import PackError

    if pack_id in taken:
        raise PackError(f"a prompt pack is called {pack_id!r} already: choose another --id")
    today = datetime.now(timezone.utc).date()
    return pack_id or proposed_id(task, today, taken), title or proposed_title(task, today)


def _requests(task: Task, ideas: Ideas | None, count: int) -> str:
    """What a service is asked: for words, and with the words in hand for candidates."""
    from audioprompt.prompts.generators import candidates_request, ideas_request

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
        }
        for entry, found in zip(pack.entries, flags, strict=True)
    ]
    origin = {"generator": pack.provenance.generator, "settings": pack.provenance.settings}
    return {"pack": pack.id, "title": pack.title, "category": pack.category, **origin, "candidates": candidates}


def _tables(pack: PromptPack, flags: Sequence[Sequence[Flag]]) -> Iterator[RenderableType]:
    settings = ", ".join(f"{name} {value}" for name, value in pack.provenance.settings.items() if value is not None)
    yield f"{pack.title}, by {pack.provenance.generator} ({settings})"
    rows = [
        [entry.template.text, "; ".join(flag.reason for flag in found)]
        for entry, found in zip(pack.entries, flags, strict=True)
    ]
    yield table(["candidate", "look at"], rows)
