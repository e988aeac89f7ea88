"""``audioprompt palm``: heads that learn to name sounds from a few clips of each, fitted, asked and described."""

from typing import ClassVar

import typer

from audioprompt.cli.group import Lazy, LazyGroup


class PalmCommands(LazyGroup):
    """What can be done with heads."""

    lazy: ClassVar[Lazy] = {
        "fit": (
            "audioprompt.cli.palm.fit:fit",
            "Train on a few clips of each class and measure on held-out clips.",
        ),
        "predict": ("audioprompt.cli.palm.predict:predict", "Classify recordings with a trained head."),
        "card": (
            "audioprompt.cli.palm.card:card",
            "Print a head's card: how it was trained, how good it is, and how to use it.",
        ),
    }


palm = typer.Typer(cls=PalmCommands, no_args_is_help=True, help="Train few-shot heads (PALM and others) and use them.")
