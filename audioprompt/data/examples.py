"""The example clips that come with audioprompt: a sound to try, and the labels and prompts that suit it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from audioprompt.core.labels import label_key
from audioprompt.settings import asset_folder


@dataclass(frozen=True)
class Example:
    """One bundled clip.

    Attributes:
        path: the clip.
        title: what to call it, without giving the answer away in another language than the labels'.
        category: the TSPE task category whose prompt pack suits it, None for the general pack.
        labels: labels to choose between.
        truth: the label that is right.
    """

    path: Path
    title: str
    category: str | None
    labels: tuple[str, ...]
    truth: str


@cache
def examples(folder: Path | None = None) -> tuple[Example, ...]:
    """Return the clips that ``examples.json`` lists and that are there, `spread`; none where the folder is missing."""
    folder = folder or asset_folder("examples")
    index = folder / "examples.json"
    if not index.is_file():
        return ()
    found = [
        Example(folder / entry["file"], entry["title"], entry["category"], tuple(entry["labels"]), entry["truth"])
        for entry in json.loads(index.read_text("utf-8"))
        if (folder / entry["file"]).is_file()
    ]
    return tuple(spread(found))


def fitting(clips: Sequence[Example], labels: Sequence[str]) -> tuple[Example, ...]:
    """Return the clips whose sound is one of some labels, however these are written."""
    known = set(map(label_key, labels))
    return tuple(clip for clip in clips if label_key(clip.truth) in known)


def spread(found: Sequence[Example]) -> list[Example]:
    """Return the same examples, the categories taking turns: the first few then show how wide the field is."""
    earlier: Counter[str | None] = Counter()
    turns = []
    for example in found:
        turns.append(earlier[example.category])
        earlier[example.category] += 1
    return [found[index] for index in sorted(range(len(found)), key=turns.__getitem__)]
