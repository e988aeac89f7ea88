"""Which clip of a pool to label next, and how much the labels given so far are worth.

The next clip is the one that brings the pool nearest to its labels: that to which most clips are more alike than to any
labelled one, and by most (the greedy choice for facility location). Where the classes are known beforehand, clips count
as much as they are in doubt. Labelled clips and words make class weights together, in closed form: the words count as
some clips.

Shapes and letters are those of `audioprompt.core.zero_shot`: C classes, N clips of the pool, L of them labelled, and
D dimensions.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import choose_temperature
from audioprompt.core.words_and_clips import join, left_out_cosines
from audioprompt.core.zero_shot import Array, cosines, normalise, softmax

MAX_COMPARED = 4000  # clips, of which all pairs are held against each other
WORDS_COUNT = 4.0  # as many clips
PATIENCE = 5  # labels that changed nothing, after which more of them stop paying
MIN_GAIN = 0.01
MIN_PER_CLASS = 2  # labels, before anything is said about more of them


def sample(clips: int) -> NDArray[np.intp]:
    """Return the clips of a pool that are asked for: all of them, or evenly spaced ones of a very large pool."""
    return np.unique(np.linspace(0, clips - 1, min(clips, MAX_COMPARED)).round().astype(np.intp))


def compare(audio: Array) -> Array:
    """How alike any two clips of a pool are, beyond what all have in common, 0 to 1: ``[N, D]`` -> ``[N, N]``.

    The square is the best power of the cosine on loops of the training pool and the village, each also mixed in pairs.
    """
    apart = normalise(audio - audio.mean(axis=0))
    return np.square(np.maximum(cosines(apart, apart), 0))


def doubts(audio: Array, weights: Array, logit_scale: float) -> Array:
    """How much there is to learn of each clip: the chance that it is named wrongly, ``[N]``.

    Args:
        audio: embeddings of the pool, ``[N, D]``.
        weights: `class_weights` of the labels given so far, ``[C, D]``.
        logit_scale: the model's own.
    """
    return 1 - softmax(logit_scale * cosines(audio, weights)).max(axis=1)


def choose_next(
    alike: Array, labelled: Sequence[int], skipped: Collection[int] = (), doubt: Array | None = None
) -> int | None:
    """Return the clip to label next; None where there is none left.

    Args:
        alike: `compare` of the pool, ``[N, N]``.
        labelled: clips that have a label.
        skipped: clips that nobody wants to label.
        doubt: `doubts` of the pool, ``[N]``; None where they are not known: clips are then as good as each other.
    """
    left = np.ones(len(alike), bool)
    left[[*labelled, *skipped]] = False
    if not left.any():
        return None
    nearer = alike - alike[:, list(labelled)].max(axis=1, initial=0)[:, np.newaxis]
    gains = (np.ones(len(alike)) if doubt is None else doubt) @ np.maximum(nearer, 0, out=nearer)
    return int(np.where(left, gains, -1).argmax())


def class_weights(words: Array, audio: Array, targets: NDArray[np.intp]) -> Array:
    """Let words and labelled clips speak together: ``[C, D]``, ``[L, D]``, ``[L]`` -> ``[C, D]``."""
    return join(words, audio, targets, WORDS_COUNT)


def expected_accuracy(pool: Array, words: Array, audio: Array, targets: NDArray[np.intp], logit_scale: float) -> float:
    """Expect how many clips without a label are named rightly: the mean probability of the answers for them.

    Probabilities are tempered by how each labelled clip is named without its own label. How many of these are named
    rightly says too little of the pool: the clips that are asked for are the hard ones.

    Args:
        pool: the clips without a label, ``[N, D]``.
        words: class weights by words alone, ``[C, D]``.
        audio: the labelled clips, ``[L, D]``.
        targets: their classes, ``[L]``.
        logit_scale: the model's own.
    """
    left_out = logit_scale * left_out_cosines(words, audio, targets, WORDS_COUNT)
    scale = logit_scale / choose_temperature(left_out, targets, len(targets))
    return float(softmax(scale * cosines(pool, class_weights(words, audio, targets))).max(axis=1).mean())


def stops_paying(estimates: Sequence[float | None], targets: Sequence[int]) -> bool:
    """Whether the last labels have brought nothing: the estimate has not risen by a point over five of them.

    Args:
        estimates: after each label, in their order.
        targets: the class of each label.
    """
    if len(estimates) <= PATIENCE or np.unique(targets, return_counts=True)[1].min() < MIN_PER_CLASS:
        return False
    known = [one for one in estimates[-PATIENCE - 1 :] if one is not None]
    return len(known) > PATIENCE and max(known[1:]) < known[0] + MIN_GAIN
