"""What is known of a few-shot method before anything of it is loaded."""

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Head


@dataclass(frozen=True)
class Method:
    """A few-shot method: what page, shell, API and documentation say of it, and where its head is.

    Attributes:
        name: what people call it in commands, in the API and in the files of heads: "palm".
        title: what pages call it: "PALM".
        description: one line on what it is and how long it takes.
        head: where its `Head` class is, ``module:Class``, which is imported when it is needed.
        colour: in which it is drawn, ``#RRGGBB``; by default the next one of a palette.
        learns: whether a fit changes it, so that other clips give another head.
        needs_templates: whether it is built from an ensemble of prompts.
        at_hand: whether pages show it without a click.
    """

    name: str
    title: str
    description: str
    head: str
    colour: str = ""
    learns: bool = True
    needs_templates: bool = False
    at_hand: bool = False

    def load(self) -> "type[Head]":
        """Return the class of its heads."""
        return resolve_name(self.head)
