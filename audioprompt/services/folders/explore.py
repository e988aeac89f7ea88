"""Recordings that a page holds: each with its row, all of them searchable, and on a map."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.map import cluster, lay_out, name_clusters
from audioprompt.core.zero_shot import Array
from audioprompt.data.recordings import FoundFile
from audioprompt.models.background import background_names
from audioprompt.prompts.template import BARE_NAME
from audioprompt.services.folders.classify import Question, Row, why_unusable
from audioprompt.services.folders.search import EmbeddedFolder, check_model
from audioprompt.services.prompts import PROMPTS
from audioprompt.util.jobs import Stopped

if TYPE_CHECKING:
    from audioprompt.encoding.stream import Heard


@dataclass(frozen=True, eq=False)
class Explored:
    """Recordings that were listened to.

    Attributes:
        heard: those that can be heard, N, and behind them what cannot be used.
        rows: one for each.
        folder: what is heard in the N.
        places: on the map, ``[N, 2]``.
        clusters: of which each is, ``[N]``.
        titles: of the clusters, from the sounds that the model knows.
        left: how many recordings were not reached, because it was stopped.
    """

    heard: tuple["Heard[FoundFile]", ...]
    rows: tuple[Row, ...]
    folder: EmbeddedFolder
    places: Array
    clusters: NDArray[np.intp]
    titles: tuple[str, ...]
    left: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of those that can be heard, N."""
        return self.folder.names

    def path(self, number: int) -> Path:
        """Where a recording is."""
        return self.heard[number].file.path


def explore(
    question: Question,
    files: Sequence[FoundFile],
    progress: Callable[[int, int, float], object] = lambda done, total, part: None,
) -> Explored:
    """Listen to recordings, answer for each, and put them on a map.

    Args:
        question: what is asked of each.
        files: the recordings.
        progress: told how many are done, of how many, and how many the parts heard of others come to; once it raises
            `Stopped`, what was heard until then is all.

    Raises:
        DataError: none of them can be used.
        Stopped: before any was.
    """
    from audioprompt.encoding.stream import stream_clips, total

    done: dict[str, Heard[FoundFile]] = {}
    stopped: Stopped | None = None

    def look(parts: "Sequence[tuple[FoundFile, float]]") -> None:
        progress(len(done), len(files), total(parts))

    question.read()
    try:
        for heard in stream_clips(question.model, files, look):
            done[heard.file.name] = heard
    except Stopped as error:
        stopped = error
    if stopped and not done:
        raise stopped
    folder = EmbeddedFolder.of_heard(question.model, done.values())
    bad = [heard for _, heard in sorted(done.items()) if why_unusable(heard)]
    kept = (*(_sharing(done[name], number, folder) for number, name in enumerate(folder.names)), *bad)
    clusters = cluster(folder.clips)
    sounds = background_names(question.model)
    named = name_clusters(folder.clips, clusters, PROMPTS.get(question.model, [BARE_NAME], sounds)[0])
    return Explored(
        kept,
        tuple(question.answers(kept)),
        folder,
        lay_out(folder.clips),
        clusters,
        tuple(sounds[at].partition(",")[0] for at in named),
        len(files) - len(done),
    )


def _sharing(heard: "Heard[FoundFile]", number: int, folder: EmbeddedFolder) -> "Heard[FoundFile]":
    """Return what was heard in a recording as the part of its folder that holds it, so that it is in memory once."""
    its = slice(*np.searchsorted(folder.owners, [number, number + 1]))
    silent = np.zeros(its.stop - its.start, np.bool_)
    assert heard.clip is not None
    clip = replace(heard.clip, starts=folder.starts[its], windows=folder.windows[its], silent=silent)
    return replace(heard, clip=clip)


def answer_again(explored: Explored, question: Question) -> Explored:
    """Ask the recordings something else, without listening to them again.

    Raises:
        EmbedError: another model heard them.
    """
    check_model(explored.folder, question.model)
    return replace(explored, rows=tuple(question.answers(explored.heard)))
