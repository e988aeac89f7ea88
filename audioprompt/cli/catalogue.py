"""``audioprompt models`` and ``cache``: what there is."""

from __future__ import annotations

from dataclasses import asdict

import typer

from audioprompt.cli.options import AsJson
from audioprompt.cli.output import print_, print_json, say, table
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.models import registry

cache = typer.Typer(invoke_without_command=True)


def models(as_json: AsJson = False) -> None:
    """List the models."""
    columns = ("name", "description", "size", "licence")
    rows = [{column: getattr(entry, column) for column in columns} for entry in registry.MODELS]
    if as_json:
        print_json(rows)
    else:
        print_(table(columns, [list(row.values()) for row in rows]))


@cache.callback()
def show_cache(context: typer.Context, as_json: AsJson = False) -> None:
    """Show where embeddings are cached, and how many."""
    if context.invoked_subcommand:
        return
    info = EmbeddingCache().info()
    if as_json:
        print_json({**asdict(info), "path": str(info.path)})
    else:
        typer.echo(f"{info.path}: {info.entries} embeddings, {info.bytes / 1e6:.1f} of {info.limit_bytes / 1e6:.0f} MB")


@cache.command("clear")
def clear_cache() -> None:
    """Delete the cached embeddings."""
    kept = EmbeddingCache()
    try:
        kept.clear()
    except OSError as error:
        say(f"{kept.path} cannot be removed, {error.strerror}: remove it yourself.")
        raise typer.Exit(1) from error
