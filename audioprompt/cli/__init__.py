"""The ``audioprompt`` command: one module per command, joined here in the order of its help.

Results go to stdout, everything else to stderr. The exit code is 0 where all went well, 1 where something failed and 2
where the command was used wrongly. What takes long to import is imported by the command that needs it.
"""

from typing import Annotated

import typer

from audioprompt import __version__
from audioprompt.cli.catalogue import clear_cache, models, show_cache
from audioprompt.cli.classify import classify
from audioprompt.cli.commands import Commands
from audioprompt.cli.curate import curate
from audioprompt.cli.evaluate import evaluate
from audioprompt.cli.generate import generate
from audioprompt.cli.packs import (
    add_prompt,
    copy,
    delete,
    diff,
    export,
    import_pack,
    list_packs,
    rename,
    restore,
    show,
)
from audioprompt.cli.palm import card, fit, predict
from audioprompt.cli.serve import open_app
from audioprompt.cli.space import build, check, push

app = typer.Typer(
    name="audioprompt",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"audioprompt {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Recognise sounds with an audio-language model and prompts, without training."""


app.command()(classify)
app.command()(generate)
app.command()(evaluate)
app.command()(curate)

packs = typer.Typer(invoke_without_command=True)
packs.callback()(list_packs)
packs.command()(show)
packs.command()(diff)
packs.command()(export)
packs.command("import")(import_pack)
packs.command("add-prompt")(add_prompt)
packs.command()(rename)
packs.command()(copy)
packs.command()(delete)
packs.command()(restore)
app.add_typer(packs, name="packs")

palm = typer.Typer(no_args_is_help=True, help="Learn to name sounds from a few clips of each: PALM and others.")
palm.command()(fit)
palm.command()(predict)
palm.command()(card)
app.add_typer(palm, name="palm")

space = typer.Typer(no_args_is_help=True, help="Make a Hugging Face Space of packs and heads, try it, publish it.")
space.command()(build)
space.command()(check)
space.command()(push)
app.add_typer(space, name="space")

app.command()(models)

cache = typer.Typer(invoke_without_command=True)
cache.callback()(show_cache)
cache.command("clear")(clear_cache)
app.add_typer(cache, name="cache")

app.command("app")(open_app)
