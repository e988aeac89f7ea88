"""``audioprompt palm``: heads that learn to name sounds from a few clips of each, fitted, asked and described."""

from typing import ClassVar

import typer

from audioprompt.cli.group import Lazy, LazyGroup


class PalmCommands(LazyGroup):
    """What can be done with heads."""

    lazy: ClassVar[Lazy] = {
        "fit": (
            "audioprompt.cli.palm.fit:fit",
            "Learn from a few clips of each class, and measure that on clips that were held back.",
        ),
        "predict": ("audioprompt.cli.palm.predict:predict", "Say what a fitted head hears in recordings."),
        "card": (
            "audioprompt.cli.palm.card:card",
            "Print what is known of a head: how it was made, how good it is, and how to use it.",
        ),
    }


palm = typer.Typer(
    cls=PalmCommands, no_args_is_help=True, help="Learn to name sounds from a few clips of each: PALM and others."
)
