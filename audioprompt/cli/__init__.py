"""The ``audioprompt`` command: one module per command, joined here in the order of its help.

Results go to stdout, everything else to stderr. The exit code is 0 where all went well, 1 where something failed and 2
where the command was used wrongly. A command is imported when it is used; its line in the help is here.
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
            "Classify recordings with one plain prompt (vanilla) and with an ensemble of prompts.",
        ),
        "embed": (
            "audioprompt.cli.embed:embed",
            "Embed recordings once, to search them, map them or use the vectors elsewhere.",
        ),
        "search": (
            "audioprompt.cli.search:search",
            "Find recordings in an embedded folder: by words, by a clip, or those that are there more than once.",
        ),
        "generate": (
            "audioprompt.cli.generate:generate",
            "Generate candidate prompts for a task as a new pack to curate.",
        ),
        "evaluate": (
            "audioprompt.cli.evaluate:evaluate",
            "Measure prompts on labelled clips: the plain one, each alone, and the ensemble.",
        ),
        "curate": (
            "audioprompt.cli.curate:curate",
            "Measure each prompt of a pack on labelled clips, alone and in the approved ensemble.",
        ),
        "packs": (
            "audioprompt.cli.packs:packs",
            "List prompt packs, or show, compare, edit, export and import them.",
        ),
        "palm": (
            "audioprompt.cli.palm:palm",
            "Train few-shot heads (PALM and others) and use them.",
        ),
        "label": (
            "audioprompt.cli.label:label",
            "Label a folder of recordings, the most telling ones first, and write a manifest to learn from.",
        ),
        "space": (
            "audioprompt.cli.space:space",
            "Build, check and publish a Hugging Face Space.",
        ),
        "data": (
            "audioprompt.cli.datasets:data",
            "List, download and check the data sets of the papers.",
        ),
        "reproduce": (
            "audioprompt.cli.reproduce:reproduce",
            "Run a published experiment on what is here, and report it beside the paper's figures.",
        ),
        "models": ("audioprompt.cli.models:models", "List the models."),
        "cache": (
            "audioprompt.cli.cache:cache",
            "Show where embeddings are cached, and how many.",
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
    """Recognise sounds with audio-language models and prompts, without training."""
