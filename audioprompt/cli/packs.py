"""``audioprompt packs``: what packs there are, what is in them, and how they come and go."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from audioprompt.cli.options import AsJson
from audioprompt.cli.output import Json, print_, print_json, say, table

if TYPE_CHECKING:
    from audioprompt.prompts.pack import PromptPack

PackId = Annotated[str, typer.Argument(metavar="ID", help="A pack that `audioprompt packs` lists.")]
Format = Literal["json", "list", "text", "csv", "report"]


def list_packs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the prompt packs, or show, compare, export and import them."""
    if context.invoked_subcommand:
        return
    from audioprompt.prompts.store import PromptStore

    store = PromptStore()
    found, problems = store.packs(), store.problems()
    if as_json:
        print_json([_pack_json(pack) for pack in found])
    else:
        rows = [
            [pack.id, pack.title, str(len(pack.approved)), str(len(pack.entries)), ", ".join(pack.label_presets)]
            for pack in found
        ]
        print_(table(["pack", "title", ">approved", ">of", "labels"], rows))
    for problem in problems.values():
        say(problem)
    if problems:
        raise typer.Exit(1)


def show(pack_id: PackId, as_json: AsJson = False) -> None:
    """Print a pack's approved prompts as open_clip and others take them, or the whole pack as JSON."""
    from audioprompt.prompts.store import PromptStore

    pack = PromptStore().get(pack_id)
    if as_json:
        typer.echo(pack.to_json(), nl=False)
        return
    for line in pack.as_strings():
        typer.echo(line)
    if not pack.approved:
        say(f"None of the {len(pack.entries)} prompts of {pack.id} is approved yet: curate it, or see --json.")


def diff(
    old: Annotated[str, typer.Argument(metavar="A", help="A pack.")],
    new: Annotated[str, typer.Argument(metavar="B", help="The pack to hold against it.")],
    as_json: AsJson = False,
) -> None:
    """Say what makes pack B another than A: prompts added and removed, and decisions that differ."""
    from audioprompt.prompts.exchange import difference
    from audioprompt.prompts.store import PromptStore

    store = PromptStore()
    found = difference(store.get(old), store.get(new))
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(str(found))


def export(
    pack_id: PackId,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="The pack's own JSON; its approved prompts as a list that Python reads, or as text, one a line; "
            "all prompts as a CSV table; a report in Markdown.",
        ),
    ] = "json",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file, not to stdout.")] = None,
) -> None:
    """Write a pack in a form that other tools take."""
    from audioprompt.prompts.exchange import EXPORTS
    from audioprompt.prompts.store import PromptStore

    content = EXPORTS[form].write(PromptStore().get(pack_id)).encode()
    if output is None:
        typer.echo(content, nl=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        say(f"{output} cannot be written, {error.strerror}: choose another --output.")
        raise typer.Exit(1) from error


def import_pack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A pack, a list of templates, or a CSV table of them.")],
    pack_id: Annotated[str | None, typer.Option("--id", help="Of the new pack, not the one in the file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a pack that came from elsewhere into the store."""
    from audioprompt.prompts.exchange import read_pack
    from audioprompt.prompts.store import PromptStore

    try:
        content = file.read_bytes()
    except OSError as error:
        say(f"{file} cannot be read, {error.strerror}: give the path of a file.")
        raise typer.Exit(1) from error
    pack = read_pack(content, file.name)
    if pack_id is not None:
        pack = pack.model_copy(update={"id": pack_id})
    PromptStore().create(pack)
    if as_json:
        print_json(_pack_json(pack))
    else:
        typer.echo(f"{pack.id}: {len(pack.entries)} prompts, {len(pack.approved)} of them approved")


def _pack_json(pack: PromptPack) -> Json:
    return {
        "id": pack.id,
        "title": pack.title,
        "description": pack.description,
        "templates": pack.as_strings(),
        "entries": len(pack.entries),
        "label_presets": pack.label_presets,
    }
