"""A folder's table: rows that can be sorted, filtered and played, and what was found in it."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

from audioprompt.audio.recording import AudioError
from audioprompt.services.collection import as_wav
from audioprompt.services.folders.classify import Row
from audioprompt.services.folders.explore import Explored
from audioprompt.services.folders.search import NEARLY_THE_SAME, Found
from audioprompt.ui import markup
from audioprompt.ui.render import render
from audioprompt.util.text import counted

TEMPLATE = "explore/template.html"
MAX_ROWS = 2_000  # that are shown; the file has all
OF_SOUNDS = "Similarity is the cosine between what the model hears in both: 1 is the same sound."
OF_WORDS = "Similarity is the cosine between the words and what the model hears: far below 1 for what fits as well."
START = markup.empty(
    "Upload recordings, a folder or a zip: each gets an answer, all can be searched by words or by a sound, and a map"
    " shows what lies together.",
    "What is in a collection?",
)


class _Shown(NamedTuple):
    """A row of the table, and the number of its recording if that can be played."""

    number: int | None
    row: Row
    start: float | None  # in seconds, of what the row tells
    score: float | None = None  # cosine with what was searched


class _Pair(NamedTuple):
    """Two recordings by their numbers and names, and the cosine between them."""

    first: int
    first_name: str
    second: int
    second_name: str
    score: float


def table(explored: Explored, found: Sequence[Found] | None = None, words: str = "") -> str:
    """Return the rows of all recordings, or of those that were found.

    Args:
        explored: the recordings.
        found: those to be shown, in their order; None for all.
        words: say what they have in common.
    """
    if found is None:
        shown = [
            _Shown(at if at < len(explored.names) else None, row, row.start) for at, row in enumerate(explored.rows)
        ]
    else:
        shown = [_Shown(one.number, explored.rows[one.number], one.start, one.score) for one in found]
    return render(
        TEMPLATE,
        "table",
        rows=shown[:MAX_ROWS],
        hidden=max(len(shown) - MAX_ROWS, 0),
        words=words or summary(explored),
        searched=found is not None,
    )


def pairs(explored: Explored, near: Sequence[tuple[int, int, float]], count: int) -> str:
    """Return the recordings that sound nearly the same, two by two.

    Args:
        explored: the recordings.
        near: two of their numbers, and the cosine.
        count: how many pairs there are, of which these are the nearest.
    """
    near_enough = f"(similarity {NEARLY_THE_SAME:g} or more)"
    some = f"{counted(count, 'pair')} of recordings sound nearly the same {near_enough}. {OF_SOUNDS}"
    said = some if near else f"No two recordings sound nearly the same {near_enough}."
    named = [_Pair(one, explored.names[one], two, explored.names[two], score) for one, two, score in near]
    return render(TEMPLATE, "pairs", rows=named, hidden=count - len(near), words=said)


def summary(explored: Explored) -> str:
    """Say how many recordings were heard."""
    bad = len(explored.rows) - len(explored.names)
    return (
        f"{counted(len(explored.names), 'recording')}"
        + (f", {bad} more could not be used" if bad else "")
        + (f". Stopped: {explored.left} were not reached" if explored.left else "")
        + "."
    )


def player(explored: Explored, number: int) -> str:
    """Return a recording to be heard; or why it cannot be."""
    path = explored.path(number)
    try:
        sound = base64.b64encode(as_wav(path)).decode()
    except AudioError as error:
        return markup.problem(error)
    return render(TEMPLATE, "player", name=explored.names[number], sound=sound)


def selection(explored: Explored, numbers: Sequence[int]) -> str:
    """Say what is selected on the map."""
    names = [explored.names[number] for number in numbers]
    return render(TEMPLATE, "selection", names=names) if names else render(TEMPLATE, "choose")
