"""``audioprompt models``, ``packs`` and ``cache``: what there is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.options import AsJson
from audioprompt.cli.output import Json, print_, print_json, say, table

if TYPE_CHECKING:
    from audioprompt.prompts.pack import PromptPack


def models(as_json: AsJson = False) -> None:
    """List the models."""
    from audioprompt.models.registry import entries

    columns = ("name", "description", "size", "licence")
    rows = [{column: getattr(entry, column) for column in columns} for entry in entries()]
    if as_json:
        print_json(rows)
    else:
        print_(table(columns, [list(row.values()) for row in rows]))


def packs(
    pack_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Print the prompts of this pack.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the prompt packs, or print one pack's approved prompts as open_clip and others take them."""
    from audioprompt.prompts.store import PromptStore

    store = PromptStore()
    if pack_id is not None:
        pack = store.get(pack_id)
        typer.echo(pack.to_json() if as_json else "\n".join(pack.as_strings()), nl=not as_json)
        return
    found, problems = store.packs(), store.problems()
    if as_json:
        print_json([pack_json(pack) for pack in found])
    else:
        rows = [[pack.id, pack.title, str(len(pack.approved)), ", ".join(pack.label_presets)] for pack in found]
        print_(table(["pack", "title", ">prompts", "labels"], rows))
    for problem in problems.values():
        say(problem)
    if problems:
        raise typer.Exit(1)


def show_cache(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell where embeddings are kept between runs, and how many."""
    if context.invoked_subcommand:
        return
    from audioprompt.cache import EmbeddingCache

    info = EmbeddingCache().info()
    if as_json:
        print_json({**asdict(info), "path": str(info.path)})
    else:
        typer.echo(f"{info.path}: {info.entries} embeddings, {info.bytes / 1e6:.1f} of {info.limit_bytes / 1e6:.0f} MB")


def clear_cache() -> None:
    """Throw the kept embeddings away."""
    from audioprompt.cache import EmbeddingCache

    kept = EmbeddingCache()
    try:
        kept.clear()
    except OSError as error:
        say(f"{kept.path} cannot be removed, {error.strerror}: remove it yourself.")
        raise typer.Exit(1) from error


def pack_json(pack: PromptPack) -> Json:
    return {
        "id": pack.id,
        "title": pack.title,
        "description": pack.description,
        "templates": pack.as_strings(),
        "label_presets": pack.label_presets,
    }
