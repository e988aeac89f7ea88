"""``audioprompt packs``: what packs there are, what is in them, and how they come and go."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from audioprompt.cli.group import UsageError
from audioprompt.cli.options import AsJson
from audioprompt.cli.output import Json, print_, print_json, say, table, write_file
from audioprompt.prompts import history
from audioprompt.prompts.difference import compare_templates
from audioprompt.prompts.formats import PACK_FORMATS, read_pack
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.services.generate import copy_pack
from audioprompt.util.text import counted

packs = typer.Typer(invoke_without_command=True)
PackId = Annotated[str, typer.Argument(metavar="ID", help="Id of a pack, as listed by `audioprompt packs`.")]
CURATOR = "curator"  # who decides at the command line, as in the page where nobody is signed in


@packs.callback()
def list_packs(context: typer.Context, as_json: AsJson = False) -> None:
    """List prompt packs, or show, compare, edit, export and import them."""
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
    """Print a pack's approved prompts in open_clip's format, or the whole pack as JSON."""
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
    old: Annotated[str, typer.Argument(metavar="A", help="Pack to compare with.")],
    new: Annotated[str, typer.Argument(metavar="B", help="Pack to compare.")],
    as_json: AsJson = False,
) -> None:
    """Show how pack B differs from pack A: prompts added and removed, and changed decisions."""
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
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")] = None,
) -> None:
    """Export a pack in a format that other tools read."""
    content = PACK_FORMATS[form].write(PromptStore().get(pack_id)).encode()
    if output is None:
        typer.echo(content, nl=False)
        return
    write_file(output, content, "--output")


@packs.command("import")
def import_pack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File of a pack, or a list or CSV table of templates.")],
    pack_id: Annotated[str | None, typer.Option("--id", help="Id of the new pack (the file's own by default).")] = None,
    as_json: AsJson = False,
) -> None:
    """Import a pack from a file."""
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
    text: Annotated[
        str, typer.Argument(metavar="PROMPT", help="Text of the prompt, with {} or {label} for the label.")
    ],
    replaces: Annotated[
        str | None, typer.Option(help="Prompt of the pack that the new one replaces, and which is rejected.")
    ] = None,
) -> None:
    """Add a prompt to a pack as a candidate."""
    try:
        old = None if replaces is None else Template.parse(replaces).text
        pack = PromptStore().update(pack_id, lambda pack: history.write_prompt(pack, text, CURATOR, edited_from=old))
    except TemplateError as error:
        raise UsageError(str(error)) from error
    typer.echo(f"{pack.id}: {counted(len(pack.entries), 'prompt')}")


@packs.command()
def rename(
    pack_id: PackId,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="New title. The id stays the same.")],
) -> None:
    """Rename a pack. Its id stays the same."""
    pack = PromptStore().update(pack_id, lambda pack: history.rename(pack, title, CURATOR))
    typer.echo(f"{pack.id}: {pack.title}")


@packs.command()
def copy(
    pack_id: PackId,
    new_id: Annotated[
        str | None, typer.Argument(metavar="NEW", help="Id of the copy; chosen for you by default.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the copy.")] = None,
) -> None:
    """Duplicate a pack, with its decisions and its history."""
    made = copy_pack(PromptStore(), pack_id, CURATOR, new_id, title)
    typer.echo(f"{made.id}: {made.title}")


@packs.command()
def delete(
    pack_id: PackId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
) -> None:
    """Move a pack to the trash; `packs restore` brings it back."""
    store = PromptStore()
    pack = store.get(pack_id)
    if not yes:
        typer.confirm(f"Delete {pack.title} ({counted(len(pack.entries), 'prompt')})?", abort=True, err=True)
    store.delete(pack_id)
    back = " The pack that it was a changed copy of is there again." if pack_id in store.ids() else ""
    typer.echo(f"{pack_id} is deleted.{back} To bring it back: audioprompt packs restore {pack_id}")


@packs.command()
def restore(pack_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a deleted pack.")]) -> None:
    """Restore a deleted pack."""
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
