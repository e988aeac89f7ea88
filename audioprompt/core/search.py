"""The nearest of many vectors, exactly: N vectors of D dimensions, L2-normalised."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array

ROWS_AT_ONCE = 1_000
SAME = 1 - 1e-6  # the cosine of a vector and itself, as far as float32 tells
_NONE = np.empty(0, np.intp)


def best_of_each(scores: Array, starts: NDArray[np.intp]) -> tuple[Array, NDArray[np.intp]]:
    """Return the highest score of each group of neighbours, and where it is.

    Args:
        scores: ``[W]``.
        starts: where each of the G groups begins, rising; none is empty, ``[G]``.

    Returns:
        ``[G]`` and ``[G]``.
    """
    best = np.maximum.reduceat(scores, starts)
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(scores))))
    hits = np.flatnonzero(scores == best[group])
    place = np.empty(len(starts), np.intp)
    place[group[hits[::-1]]] = hits[::-1]  # the first of equals
    return best, place


def highest(scores: Array, most: int) -> NDArray[np.intp]:
    """Return where the highest scores are, the highest first; of equals the first: ``[N]`` -> at most ``[most]``."""
    if most >= len(scores):
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, -most)[-most]
    some = np.flatnonzero(scores >= least)
    return some[np.argsort(-scores[some], kind="stable")][:most]


def near_pairs(vectors: Array, cosine: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of vectors that are at least so near, the first before the second: ``[N, D]``.

    They are as many as it takes to join all that are: of ten thousand that are all alike there are fifty million.
    """
    joined = np.arange(len(vectors))  # what is in one group has one number
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        near = vectors[start : start + ROWS_AT_ONCE] @ vectors[start:].T >= min(cosine, SAME)
        for one, row in enumerate(np.triu(near, 1), start):
            others = start + np.flatnonzero(row)
            for two in others[np.unique(joined[others], return_index=True)[1]]:
                if joined[one] != joined[two]:
                    joined[joined == joined[two]] = joined[one]
                    yield one, int(two)


def nearest_pairs(vectors: Array, cosine: float, most: int) -> tuple[list[tuple[int, int, float]], int]:
    """Return the pairs of vectors that are at least so near, the nearest first, each with its cosine: ``[N, D]``.

    Returns:
        At most so many, and how many there are.
    """
    firsts, seconds, scores, count = _NONE, _NONE, np.empty(0, np.float32), 0
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        cosines = vectors[start : start + ROWS_AT_ONCE] @ vectors[start:].T
        near = np.flatnonzero(np.triu(cosines >= min(cosine, SAME), 1))
        count += len(near)
        near = near[highest(cosines.ravel()[near], most)]
        one, two = np.divmod(near, cosines.shape[1])
        firsts, seconds = np.append(firsts, start + one), np.append(seconds, start + two)
        scores = np.append(scores, cosines[one, two])
        kept = highest(scores, most)
        firsts, seconds, scores = firsts[kept], seconds[kept], scores[kept]
    return list(zip(firsts.tolist(), seconds.tolist(), scores.tolist(), strict=True)), count


def join_pairs(pairs: Iterator[tuple[int, int]]) -> list[list[int]]:
    """Join what is in a pair with what its partner is in pairs with, to sorted groups, the largest first."""
    leader: dict[int, int] = {}

    def find(one: int) -> int:
        while leader.setdefault(one, one) != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for one, two in pairs:
        first, second = sorted((find(one), find(two)))
        leader[second] = first
    groups: dict[int, list[int]] = {}
    for one in sorted(leader):
        groups.setdefault(find(one), []).append(one)
    return sorted(groups.values(), key=lambda group: (-len(group), group))
