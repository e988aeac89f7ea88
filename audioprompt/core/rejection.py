"""None of these: how much a clip is like any of the labels, measured against everything else that a model can name.

A model that has to choose between "helicopter, violin, thunder" chooses one of them for a dog's bark, too. What helps
is to ask how near the best label is beside all the other names that the model knows, the background::

    score_c = (a·w_c - mean of the 5 largest a·b) / standard deviation of all a·b

0 says that the label fits the clip as well as the best of all names do; a name picked at random is far below. In units
of the clip's own spread, a score needs no threshold of its own for every model and every list of labels. Names of what
a label says or of a kind of it, "flute" beside "music", do not count against the label but for it: the mean of the 5
largest of theirs stands in the place of a·w_c where that is more. Where a person has given clips, the nearness to the
mean clip of each class counts as well, and leaving out one clip at a time gives a threshold.

The two thresholds were chosen on the recordings that the bundled model learned from: 45 kinds of sound in windows of
five seconds for `KNOWN`, mixtures of two of them for `HEARD`.

Shapes are those of `audioprompt.core.zero_shot`, with B names in the background.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, cosines, normalise

BEST = 5  # names of the background that a label has to hold its own against
MIN_BACKGROUND = 20  # names; fewer say nothing about everything else
REFUSED = 0.05  # fraction of clips of known classes that a threshold refuses
KNOWN = -3.2  # threshold of the best label's score below which a clip is none of the labels
HEARD = -0.5  # threshold of each label's score from which on it is heard, where several may be
PRESENT = -1.6  # score of a moment at which a label is as likely heard as not, smoothed as in `core.timeline`
STEEPNESS = 1.15  # of the way from not heard to heard; both by logistic regression on mixtures of `village`
MIN_LEFT_OUT = 8  # clips that a head's own threshold takes
TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Background:
    """The names that labels have to hold their own against.

    Attributes:
        names: their embeddings, ``[B, D]``.
        kinds: which of them are what each label says, or a kind of it, ``[C, B]``.
    """

    names: Array
    kinds: NDArray[np.bool_]

    @cached_property
    def enough(self) -> bool:
        """Whether enough names speak against each label."""
        return bool(((~self.kinds).sum(axis=-1) >= MIN_BACKGROUND).all())

    @cached_property
    def kinds_of_each(self) -> list[NDArray[np.intp]]:
        """Which names are kinds of each label, C lists."""
        return [np.flatnonzero(kinds) for kinds in self.kinds]


def label_scores(audio: Array, words: Array, background: Background, means: Array | None = None) -> Array:
    """Score how much each clip is like each label.

    Args:
        audio: ``[N, D]``.
        words: class weights, ``[C, D]``.
        background: for these C labels.
        means: the mean clip of each class, ``[C, D]``, L2-normalised. Its cosine is added to that of the words, which
            raises all scores, so that they take a threshold of their own (`leave_one_out_scores`).

    Returns:
        ``[N, C]``.

    Raises:
        ValueError: there are fewer than ``MIN_BACKGROUND`` names against a label.
    """
    if not background.enough:
        raise ValueError(f"a background takes {MIN_BACKGROUND} names against each label")
    near, others = cosines(audio, words), cosines(audio, background.names)
    nearest, values = _nearest(others, BEST + max(map(len, background.kinds_of_each)))
    best_of_all = _best(values)
    for label, kinds in enumerate(background.kinds_of_each):
        if not len(kinds):
            near[:, label] -= best_of_all
            continue
        enough = BEST + len(kinds)  # however many of them are kinds, five are not
        free = np.where(background.kinds[label][nearest[:, :enough]], -np.inf, values[:, :enough])
        near[:, label] = np.maximum(near[:, label], _best(others[:, kinds])) - _best(free)
    if means is not None:
        near += cosines(audio, means)
    return near / np.maximum(others.std(axis=-1, keepdims=True), TINY)


def _nearest(near: Array, count: int) -> tuple[NDArray[np.intp], Array]:
    """Return which are the largest of each row, and how large, the largest first: ``[N, B]`` -> ``[N, count]``."""
    which = np.argpartition(-near, min(count, near.shape[-1]) - 1, axis=-1)[:, :count]
    which = np.take_along_axis(which, np.argsort(-np.take_along_axis(near, which, axis=-1), axis=-1), axis=-1)
    return which, np.take_along_axis(near, which, axis=-1)


def known_scores(audio: Array, words: Array, background: Background, means: Array | None = None) -> Array:
    """Score how much each clip is like any label, as `label_scores` does: ``[N]``."""
    return label_scores(audio, words, background, means).max(axis=-1)


def _best(near: Array) -> Array:
    """Mean of the ``BEST`` largest of each row: ``[N, B]`` -> ``[N]``."""
    best = min(BEST, near.shape[-1])
    return np.partition(near, -best, axis=-1)[:, -best:].sum(axis=-1) / np.float32(best)


def class_means(audio: Array, targets: NDArray[np.intp], classes: int) -> Array:
    """Return the mean clip of each class: ``[N, D]``, ``[N]`` -> ``[C, D]``, L2-normalised, zero without a clip."""
    return normalise(np.eye(classes, dtype=np.float32)[targets].T @ audio)


def leave_one_out_scores(audio: Array, targets: NDArray[np.intp], words: Array, background: Background) -> Array:
    """Score every labelled clip by the means of the others, M of them: those whose class has another clip; ``[M]``."""
    sums = np.eye(len(words), dtype=np.float32)[targets].T @ audio
    scores = []
    for clip, target in zip(audio, targets, strict=True):
        if (targets == target).sum() > 1:
            rest = sums.copy()
            rest[target] -= clip
            scores.append(known_scores(clip[np.newaxis], words, background, normalise(rest))[0])
    return np.array(scores, np.float32)


def threshold_refusing(scores: Array, fraction: float = REFUSED) -> float:
    """Return the threshold below which a fraction of the clips of known classes lies; ``[N]``.

    Raises:
        ValueError: there is no score.
    """
    if not len(scores):
        raise ValueError("a threshold takes clips of known classes: give some")
    return float(np.quantile(scores, fraction))


def threshold_between(known: Array, unknown: Array) -> float:
    """Return the threshold that puts the fewest reviewed clips on the wrong side: ``[N]``, ``[M]``.

    Of equally good ones it is the middle of the highest, so that a review with nothing unknown refuses nothing it saw,
    and one with nothing known refuses all of it.

    Raises:
        ValueError: no clip was reviewed.
    """
    values = np.unique(np.concatenate([known, unknown]).astype(np.float64))
    if not len(values):
        raise ValueError("a review takes at least one clip")
    if not len(known):
        return float(values[-1] + TINY)
    cuts = np.concatenate([[values[0] - TINY], (values[1:] + values[:-1]) / 2])
    wrong = (known[:, np.newaxis] < cuts).sum(axis=0) + (unknown[:, np.newaxis] >= cuts).sum(axis=0)
    return float(cuts[np.flatnonzero(wrong == wrong.min())[-1]])


def choose_around(scores: Array, threshold: float, count: int) -> NDArray[np.intp]:
    """Choose the clips to review, the nearest to a threshold first, as many of either side where there are: ``[N]``."""
    order = np.argsort(np.abs(scores - threshold), kind="stable")
    above = scores[order] >= threshold
    rank = np.where(above, np.cumsum(above), np.cumsum(~above))  # of its side
    return order[np.argsort(rank, kind="stable")][:count]


def presence_probabilities(scores: Array, threshold: float = KNOWN) -> Array:
    """Return how likely each label is heard at a moment, by its score: ``[F, C]`` -> ``[F, C]``.

    Args:
        scores: as `label_scores` gives them, smoothed over time.
        threshold: from which on a clip is known; scores lie as much higher as it lies above `KNOWN`.
    """
    return (1 / (1 + np.exp(-STEEPNESS * (scores - PRESENT - (threshold - KNOWN))))).astype(np.float32)


def average_precision(scores: Array, relevant: NDArray[np.bool_]) -> float | None:
    """Average precision of clips in the order of their scores, 0 to 1: ``[N]``, ``[N]``; None where none is relevant.

    Clips of the same score count together.
    """
    if not relevant.any():
        return None
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # the last clip of each score
    hits = np.cumsum(relevant[order])[ends]
    found = np.diff(hits, prepend=0)
    return float((found * hits / (ends + 1)).sum() / relevant.sum())
