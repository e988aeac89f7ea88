"""The names of everyday sounds that labels are held against, to notice what is none of them."""

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

FILE = Path(__file__).with_name("background_names.json")
WIDE = Path(__file__).with_name("wide_names.json")


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


@cache
def names_meant(names: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Return what labels may say, each with those of the names that say it too or a kind of it.

    In the file, what is a kind of something wide is written as the first and the last of AudioSet's names that follow
    each other.
    """
    meant: dict[str, set[str]] = defaultdict(set)
    for name in names:
        for saying in name.split(", "):
            meant[saying].add(name)
    order = audioset_names()
    for sayings, spans in json.loads(WIDE.read_text("utf-8"))["kinds"].items():
        kinds = {name for span in spans for name in order[order.index(span[0]) : order.index(span[-1]) + 1]}
        same = {name for saying in sayings.split(", ") for name in meant.get(saying, ())}
        meant |= dict.fromkeys(sayings.split(", "), same | kinds.intersection(names))
    return {saying: frozenset(found) for saying, found in meant.items()}
