"""The ``audioprompt`` command: one module per command, joined here in the order of its help.

Results go to stdout, everything else to stderr. The exit code is 0 where all went well, 1 where something failed and 2
where the command was used wrongly. What takes long to import is imported by the command that needs it.
"""

import typer

from audioprompt.cli.catalogue import clear_cache, models, packs, show_cache
from audioprompt.cli.classify import classify
from audioprompt.cli.commands import Commands
from audioprompt.cli.evaluate import evaluate
from audioprompt.cli.serve import open_app

app = typer.Typer(
    name="audioprompt",
    help="Recognise sounds with an audio-language model and prompts, without training.",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(classify)
app.command()(evaluate)
app.command()(models)
app.command()(packs)

cache = typer.Typer(invoke_without_command=True)
cache.callback()(show_cache)
cache.command("clear")(clear_cache)
app.add_typer(cache, name="cache")

app.command("app")(open_app)
