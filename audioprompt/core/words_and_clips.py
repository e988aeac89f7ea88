"""Class weights of words and labelled clips together, in closed form: the words of a class count as some clips.

With ``t`` a class's words, ``x`` its n clips, k what words count as, N the most clips that a class has, and ``m`` the
middle of all clips, where each class counts the same::

    w = k t + sum x + (N - n) m,    L2-normalised

Texts and sounds lie apart in most models' spaces, so that a class with more clips than another would be nearer to every
sound, whatever it is. Clips in the middle, which speak for no class, make up for those that a class has not.

Shapes and letters are those of `audioprompt.core.zero_shot`: C classes, L labelled clips and D dimensions.
"""

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, normalise


def join(words: Array, audio: Array, targets: NDArray[np.intp], count: float) -> Array:
    """Let words and clips speak together: ``[C, D]``, ``[L, D]``, ``[L]`` -> class weights, ``[C, D]``.

    Args:
        words: class weights by words alone.
        audio: the labelled clips.
        targets: the class of each.
        count: how many clips the words of a class count as.
    """
    return _weights(words, *_sums(words, audio, targets), count)


def left_out_cosines(words: Array, audio: Array, targets: NDArray[np.intp], count: float) -> Array:
    """Cosine of every clip with every class, as `join` makes these of the other clips: ``[L, C]``."""
    sums, clips = _sums(words, audio, targets)
    found = np.empty((len(audio), len(words)), np.float32)
    for row, (clip, own) in enumerate(zip(audio, targets, strict=True)):
        whole = sums[own].copy()
        sums[own], clips[own] = whole - clip, clips[own] - 1
        found[row] = _weights(words, sums, clips, count) @ clip
        sums[own], clips[own] = whole, clips[own] + 1
    return found


def _sums(words: Array, audio: Array, targets: NDArray[np.intp]) -> tuple[Array, NDArray[np.intp]]:
    """Return the sum of each class's clips, ``[C, D]``, and how many there are, ``[C]``."""
    sums = np.zeros_like(words)
    np.add.at(sums, targets, audio)
    return sums, np.bincount(targets, minlength=len(words))


def _weights(words: Array, sums: Array, clips: NDArray[np.intp], count: float) -> Array:
    """`join`, with the clips summed and counted for each class."""
    known = clips > 0
    if not known.any():
        return normalise(words)
    middle = (sums[known] / clips[known, np.newaxis].astype(np.float32)).mean(axis=0)
    missing = (clips.max() - clips).astype(np.float32)
    return normalise(np.float32(count) * words + sums + missing[:, np.newaxis] * middle)
