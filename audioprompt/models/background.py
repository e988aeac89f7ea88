"""The names of everyday sounds that labels are held against, to notice what is none of them."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

FILE = Path(__file__).with_name("background_names.json")


def background_names(model: "AudioTextModel") -> tuple[str, ...]:
    """Return names of sounds that a model knows: its ``background_names`` where it has such, else AudioSet's 527.

    Every model that reads can be asked for any of them; one that was trained for a field of its own, such as birds,
    may name the sounds of that field instead.
    """
    return tuple(getattr(model, "background_names", ())) or audioset_names()


@cache
def audioset_names() -> tuple[str, ...]:
    """Return the names of AudioSet's sounds, in lower case."""
    return tuple(json.loads(FILE.read_text("utf-8"))["names"])
