"""Whether probabilities mean what they say: how far off they are, and the temperature that mends most of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, softmax

BINS = 10
MAX_LOG = 5.0  # of a temperature, either way
CAUTION = 5.0  # weight of the expected temperature with one clip per class, half of it with two, and so on
OWN_TEMPERATURE = 1.5  # where nothing is known of a head: models are a little too sure of themselves


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often answers are right, by how sure they are: the data of a reliability diagram.

    Attributes:
        edges: of the B bins of probability, ``[B + 1]``.
        counts: answers in each bin, ``[B]``.
        confidence: their mean probability, ``[B]``; 0 in an empty bin.
        accuracy: how many of them are right, 0 to 1, ``[B]``; 0 in an empty bin.
    """

    edges: Array
    counts: NDArray[np.intp]
    confidence: Array
    accuracy: Array

    @classmethod
    def joined(cls, parts: Sequence["Reliability"]) -> "Reliability":
        """Return the reliability of the answers of several measurements, with the same bins, together."""
        counts = np.sum([part.counts for part in parts], axis=0)
        each = np.maximum(counts, 1)
        confidence, accuracy = (
            np.sum([part.counts * values for part, values in zip(parts, some, strict=True)], axis=0) / each
            for some in ([part.confidence for part in parts], [part.accuracy for part in parts])
        )
        return cls(parts[0].edges, counts, confidence.astype(np.float32), accuracy.astype(np.float32))

    @property
    def error(self) -> float:
        """Expected calibration error, 0 to 1: how far probability and truth lie apart, over all answers."""
        return float((self.counts * np.abs(self.confidence - self.accuracy)).sum() / max(self.counts.sum(), 1))


def measure_reliability(probabilities: Array, targets: NDArray[np.intp], bins: int = BINS) -> Reliability:
    """Compare how sure the answers to N clips are with how often they are right (Guo et al. 2017).

    Args:
        probabilities: of each class, ``[N, C]``.
        targets: the class of each clip, ``[N]``.
        bins: of equal width between 0 and 1.
    """
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    place = np.minimum((sure * bins).astype(int), bins - 1)
    counts, summed, hits = (np.bincount(place, weights, bins) for weights in (None, sure, right))
    each = np.maximum(counts, 1)
    return Reliability(
        np.linspace(0, 1, bins + 1, dtype=np.float32),
        counts.astype(np.intp),
        (summed / each).astype(np.float32),
        (hits / each).astype(np.float32),
    )


def log_likelihoods(logits: Array, targets: NDArray[np.intp], temperature: float = 1.0) -> NDArray[np.float64]:
    """Logarithm of the probability of each right class: ``[N, C]``, ``[N]`` -> ``[N]``."""
    chances = softmax(logits / np.float32(temperature))[np.arange(len(targets)), targets]
    return np.log(np.maximum(chances, np.finfo(np.float32).tiny), dtype=np.float64)


def log_likelihood(logits: Array, targets: NDArray[np.intp], temperature: float = 1.0) -> float:
    """Return the mean of `log_likelihoods`."""
    return float(log_likelihoods(logits, targets, temperature).mean())


def fit_temperature(
    logits: Array, targets: NDArray[np.intp], weight: float = 0.0, expected: float = OWN_TEMPERATURE
) -> float:
    """Choose what logits are divided by, so that the right classes of left-out clips are as probable as can be.

    Args:
        logits: of each class, ``[N, C]``, from a head that has not learned from the clip.
        targets: the class of each clip, ``[N]``.
        weight: how much is made of the expectation: that of a prior with this precision on the logarithm.
        expected: the temperature where there is no clip.
    """
    from scipy.optimize import minimize_scalar  # takes a while to import

    if not len(targets):
        return expected

    def cost(log_temperature: float) -> float:
        fit = len(targets) * log_likelihood(logits, targets, math.exp(log_temperature))
        return weight * (log_temperature - math.log(expected)) ** 2 - fit

    return math.exp(float(minimize_scalar(cost, bounds=(-MAX_LOG, MAX_LOG), method="bounded").x))


def choose_temperature(logits: Array, targets: NDArray[np.intp], clips: int) -> float:
    """Choose a head's temperature by its answers to M of the clips: ``[M, C]``, ``[M]``.

    The fewer clips there are of each class, the less alike are the heads that answered and the one fitted on all of
    them, and the nearer the temperature stays to the expected one.
    """
    return fit_temperature(logits, targets, CAUTION * logits.shape[1] / max(clips, 1))
