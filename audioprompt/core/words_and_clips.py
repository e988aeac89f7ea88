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

TINY = 1e-12


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
    """Cosine of every clip with every class, as `join` makes these of the other clips: ``[L, C]``.

    A clip that is left out changes the sum of its own class, the middle and perhaps N. What that does to lengths and
    products of class weights is written out, in place of making the weights anew for each clip.
    """
    sums, clips = (part.astype(np.float64) for part in _sums(words, audio, targets))
    own, rows, clip = targets, np.arange(len(targets)), audio.astype(np.float64)
    means = sums / np.maximum(clips, 1)[:, np.newaxis]
    rest = np.where(clips[own] > 1, clips[own] - 1, 1)[:, np.newaxis]
    known = (clips > 0).sum() - (clips[own] == 1)
    middle = means.sum(axis=0) - means[own] + np.where(clips[own, np.newaxis] > 1, (sums[own] - clip) / rest, 0)
    middle /= np.maximum(known, 1)[:, np.newaxis]  # [L, D]
    left = clips - np.eye(len(words))[own]  # clips of each class, [L, C]
    missing = left.max(axis=1, keepdims=True) - left
    fixed = count * words + sums  # without the middle, [C, D]
    products, lengths = clip @ fixed.T, np.repeat((fixed**2).sum(axis=1)[np.newaxis], len(clip), axis=0)
    crossed = middle @ fixed.T
    squares = (clip**2).sum(axis=1)
    lengths[rows, own] += squares - 2 * products[rows, own]
    products[rows, own] -= squares
    crossed[rows, own] -= (middle * clip).sum(axis=1)
    lengths += 2 * missing * crossed + missing**2 * (middle**2).sum(axis=1)[:, np.newaxis]
    products += missing * (middle * clip).sum(axis=1)[:, np.newaxis]
    return (products / np.sqrt(np.maximum(lengths, TINY))).astype(np.float32)


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
