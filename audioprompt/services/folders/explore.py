"""Recordings that a page holds: each with its row, all of them searchable, and on a map."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.map import cluster, lay_out, name_clusters
from audioprompt.core.zero_shot import Array
from audioprompt.data.recordings import FoundFile
from audioprompt.models.background import background_names
from audioprompt.prompts.template import BARE_NAME
from audioprompt.services.folders.classify import Question, Row
from audioprompt.services.folders.search import EmbeddedFolder
from audioprompt.services.prompts import PROMPTS
from audioprompt.util.jobs import Stopped


@dataclass(frozen=True, eq=False)
class Explored:
    """Recordings that were listened to.

    Attributes:
        files: those that can be heard, N.
        rows: one for each of them, N, and behind them those of what cannot be used.
        folder: what is heard in them.
        places: on the map, ``[N, 2]``.
        clusters: of which each is, ``[N]``.
        titles: of the clusters, from the sounds that the model knows.
        left: how many recordings were not reached, because it was stopped.
    """

    files: tuple[FoundFile, ...]
    rows: tuple[Row, ...]
    folder: EmbeddedFolder
    places: Array
    clusters: NDArray[np.intp]
    titles: tuple[str, ...]
    left: int = 0

    def path(self, number: int) -> Path:
        """Where a recording is."""
        return self.files[number].path


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
    from audioprompt.encoding.stream import Heard, stream_clips, total

    done: dict[str, tuple[Heard[FoundFile], Row]] = {}
    stopped: Stopped | None = None
    try:
        for heard in stream_clips(question.model, files, lambda parts: progress(len(done), len(files), total(parts))):
            done[heard.file.name] = heard, question.answer(heard)
    except Stopped as error:
        stopped = error
    if stopped and not done:
        raise stopped
    folder = EmbeddedFolder.of_heard(question.model, (heard for heard, _ in done.values()))
    bad = [row for _, (_, row) in sorted(done.items()) if row.error]
    clusters = cluster(folder.clips)
    sounds = background_names(question.model)
    named = name_clusters(folder.clips, clusters, PROMPTS.get(question.model, [BARE_NAME], sounds)[0])
    return Explored(
        tuple(done[name][0].file for name in folder.names),
        (*(done[name][1] for name in folder.names), *bad),
        folder,
        lay_out(folder.clips),
        clusters,
        tuple(sounds[at].partition(",")[0] for at in named),
        len(files) - len(done),
    )
