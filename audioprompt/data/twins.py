"""Clips that sound nearly the same, as those do that were cut from one recording."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audioprompt.data.clips import LabelledClips
from audioprompt.util.text import counted, named

NEARLY_THE_SAME = 0.8  # cosine; a quarter of the pairs of one recording in ESC-10 have it, of other pairs one in 25
ROWS_AT_ONCE = 1_000


def group_near_twins(clips: LabelledClips, audio: NDArray[np.float32], fewest_groups: int = 2) -> LabelledClips:
    """Put clips that sound nearly the same into one group, where nothing is known of the recordings they are from.

    Two clips of a class are near twins if each is the other's nearest and they are near enough. Pairs alone keep the
    classes divisible: where what is like a twin's twin were joined as well, all of a class could become one group.

    Args:
        clips: N of them; those with groups of their own are given back as they are.
        audio: their embeddings, L2-normalised, ``[N, D]``.
        fewest_groups: a class that would be left with fewer stays as it is, with a word about it.
    """
    if not set(clips.groups) <= set(map(str, clips.paths)):
        return clips
    groups = list(clips.groups)
    members: dict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    joined, kept_apart = 0, []
    labels = np.array(clips.labels)
    for label in clips.classes:
        rows = np.flatnonzero(labels == label)
        pairs = [
            (rows[one], rows[two])
            for one, two in _mutually_nearest(audio[rows])
            if groups[rows[one]] != groups[rows[two]]
        ]
        if not pairs:
            continue
        if len({groups[row] for row in rows}) - len(pairs) < fewest_groups:
            kept_apart.append(label)
            continue
        for one, two in pairs:
            moved, new = members.pop(groups[two]), groups[one]
            members[new] += moved
            for row in moved:
                groups[row] = new
        joined += len(pairs)
    notices = list(clips.notices)
    if joined:
        notices.append(
            f"{counted(joined, 'pair')} of clips that sound nearly the same were kept on one side of the division. A"
            " column named group in a table says which clips are of one recording"
        )
    if kept_apart:
        notices.append(
            f"Some clips of {named(kept_apart)} sound nearly the same, so the score may be too high: add clips of other"
            " recordings"
        )
    return replace(clips, groups=tuple(groups), notices=tuple(notices))


def _mutually_nearest(audio: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs of rows, each the other's nearest, that are near enough; ``[n, D]``."""
    if len(audio) < 2:
        return []
    nearest = np.empty(len(audio), np.intp)
    cosine = np.empty(len(audio), np.float32)
    for start in range(0, len(audio), ROWS_AT_ONCE):
        alike = audio[start : start + ROWS_AT_ONCE] @ audio.T
        alike[np.arange(len(alike)), np.arange(start, start + len(alike))] = -np.inf
        nearest[start : start + ROWS_AT_ONCE] = alike.argmax(axis=1)
        cosine[start : start + ROWS_AT_ONCE] = alike.max(axis=1)
    return [
        (row, int(other))
        for row, other in enumerate(nearest)
        if row < other and nearest[other] == row and cosine[row] >= NEARLY_THE_SAME
    ]
