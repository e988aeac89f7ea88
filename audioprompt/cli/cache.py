"""``audioprompt cache``: the embeddings that are kept between runs."""

from __future__ import annotations

from dataclasses import asdict

import typer

from audioprompt.cli.options import AsJson
from audioprompt.cli.output import print_json, say
from audioprompt.encoding.cache import EmbeddingCache

cache = typer.Typer(invoke_without_command=True)


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
