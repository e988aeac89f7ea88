"""The ``audioprompt`` command: one module per command, joined here in the order of its help.

Results go to stdout, everything else to stderr. The exit code is 0 where all went well, 1 where something failed and 2
where the command was used wrongly. A command is imported when it is used; its line in the help stands here.
"""

from typing import Annotated, ClassVar

import typer

from audioprompt import __version__
from audioprompt.cli.group import Commands, Lazy


class AudioPrompt(Commands):
    """All commands, in the order of the help."""

    lazy: ClassVar[Lazy] = {
        "classify": (
            "audioprompt.cli.classify:classify",
            "Say what is heard in recordings: with one plain prompt (vanilla) and with an ensemble of prompts.",
        ),
        "generate": (
            "audioprompt.cli.generate:generate",
            "Write candidate prompts for a task into a new pack, to be curated.",
        ),
        "evaluate": (
            "audioprompt.cli.evaluate:evaluate",
            "Measure prompts on labelled clips: vanilla, each alone, and together.",
        ),
        "curate": (
            "audioprompt.cli.curate:curate",
            "Measure every prompt of a pack on labelled clips, alone and in the ensemble of those approved.",
        ),
        "packs": (
            "audioprompt.cli.packs:packs",
            "List the prompt packs, or show, compare, export and import them.",
        ),
        "palm": (
            "audioprompt.cli.palm:palm",
            "Learn to name sounds from a few clips of each: PALM and others.",
        ),
        "space": (
            "audioprompt.cli.space:space",
            "Make a Hugging Face Space of packs and heads, try it, publish it.",
        ),
        "models": ("audioprompt.cli.catalogue:models", "List the models."),
        "cache": (
            "audioprompt.cli.catalogue:cache",
            "Tell where embeddings are kept between runs, and how many.",
        ),
        "app": ("audioprompt.cli.serve:open_app", "Open the app in the browser."),
    }


app = typer.Typer(
    name="audioprompt",
    cls=AudioPrompt,
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
