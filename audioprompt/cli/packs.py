"""``audioprompt packs``: what packs there are, what is in them, and how they come and go."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from audioprompt.cli.group import UsageError
from audioprompt.cli.options import AsJson
from audioprompt.cli.output import Json, print_, print_json, say, table
from audioprompt.prompts import history
from audioprompt.prompts.difference import compare_templates
from audioprompt.prompts.formats import PACK_FORMATS, read_pack
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.services.generate import copy_pack
from audioprompt.util.text import counted

packs = typer.Typer(invoke_without_command=True)
PackId = Annotated[str, typer.Argument(metavar="ID", help="A pack that `audioprompt packs` lists.")]
CURATOR = "curator"  # who decides at the command line, as in the page where nobody is signed in


@packs.callback()
def list_packs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the prompt packs, or show, compare, export and import them."""
    if context.invoked_subcommand:
        return
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


@packs.command()
def show(pack_id: PackId, as_json: AsJson = False) -> None:
    """Print a pack's approved prompts as open_clip and others take them, or the whole pack as JSON."""
    pack = PromptStore().get(pack_id)
    if as_json:
        typer.echo(pack.to_json(), nl=False)
        return
    for line in pack.as_strings():
        typer.echo(line)
    if not pack.approved:
        say(f"None of the {len(pack.entries)} prompts of {pack.id} is approved yet: curate it, or see --json.")


@packs.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="A", help="A pack.")],
    new: Annotated[str, typer.Argument(metavar="B", help="The pack to hold against it.")],
    as_json: AsJson = False,
) -> None:
    """Say what makes pack B another than A: prompts added and removed, and decisions that differ."""
    store = PromptStore()
    found = compare_templates(store.get(old), store.get(new))
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(str(found))


def parse_format(name: str) -> str:
    """Refuse what is not the name of a format."""
    if name not in PACK_FORMATS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(PACK_FORMATS.names)}.")
    return name


@packs.command()
def export(
    pack_id: PackId,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            parser=parse_format,
            metavar="|".join(PACK_FORMATS.names),
            help=" ".join(f"{form.name}: {form.description}" for form in PACK_FORMATS),
        ),
    ] = "json",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file, not to stdout.")] = None,
) -> None:
    """Write a pack in a form that other tools take."""
    content = PACK_FORMATS[form].write(PromptStore().get(pack_id)).encode()
    if output is None:
        typer.echo(content, nl=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        say(f"{output} cannot be written, {error.strerror}: choose another --output.")
        raise typer.Exit(1) from error


@packs.command("import")
def import_pack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A pack, a list of templates, or a CSV table of them.")],
    pack_id: Annotated[str | None, typer.Option("--id", help="Of the new pack, not the one in the file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a pack that came from elsewhere into the store."""
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


@packs.command("add-prompt")
def add_prompt(
    pack_id: PackId,
    text: Annotated[str, typer.Argument(metavar="PROMPT", help="With {} or {label} for the label.")],
    replaces: Annotated[
        str | None, typer.Option(help="A prompt of the pack that this one is an edit of; it is rejected.")
    ] = None,
) -> None:
    """Add a prompt to a pack by hand, as a candidate."""
    try:
        old = None if replaces is None else Template.parse(replaces).text
        pack = PromptStore().update(pack_id, lambda pack: history.write_prompt(pack, text, CURATOR, edited_from=old))
    except TemplateError as error:
        raise UsageError(str(error)) from error
    typer.echo(f"{pack.id}: {counted(len(pack.entries), 'prompt')}")


@packs.command()
def rename(
    pack_id: PackId,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The new title; the id stays.")],
) -> None:
    """Give a pack another title."""
    pack = PromptStore().update(pack_id, lambda pack: history.rename(pack, title, CURATOR))
    typer.echo(f"{pack.id}: {pack.title}")


@packs.command()
def copy(
    pack_id: PackId,
    new_id: Annotated[str | None, typer.Argument(metavar="NEW", help="Id of the copy; a free one if left out.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the copy.")] = None,
) -> None:
    """Duplicate a pack, with its decisions and its history."""
    made = copy_pack(PromptStore(), pack_id, CURATOR, new_id, title)
    typer.echo(f"{made.id}: {made.title}")


@packs.command()
def delete(
    pack_id: PackId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Move a pack to the store's trash; `packs restore` brings it back."""
    store = PromptStore()
    pack = store.get(pack_id)
    if not yes:
        typer.confirm(f"Delete {pack.title} ({counted(len(pack.entries), 'prompt')})?", abort=True, err=True)
    store.delete(pack_id)
    back = " The pack that it was a changed copy of is there again." if pack_id in store.ids() else ""
    typer.echo(f"{pack_id} is deleted.{back} To bring it back: audioprompt packs restore {pack_id}")


@packs.command()
def restore(pack_id: Annotated[str, typer.Argument(metavar="ID", help="A pack that was deleted.")]) -> None:
    """Bring back a pack that was deleted."""
    pack = PromptStore().restore(pack_id)
    typer.echo(f"{pack.id}: {pack.title}")


def _pack_json(pack: PromptPack) -> Json:
    return {
        "id": pack.id,
        "title": pack.title,
        "description": pack.description,
        "templates": pack.as_strings(),
        "entries": len(pack.entries),
        "label_presets": pack.label_presets,
    }
