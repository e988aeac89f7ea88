"""An ensemble that knows how often each class occurs."""

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.ensembles.base import Evidence
from audioprompt.core.ensembles.means import average_embeddings
from audioprompt.core.zero_shot import Array

ROUNDS = 100
MIN_CLIPS_PER_CLASS = 2  # on average; fewer say little about how often a class is named too often


def match_prior(evidence: Evidence) -> Array:
    """Shift the logits of `average_embeddings` by `prior_shifts`: evidence -> logits, ``[N, C]``.

    Where there are fewer than two clips per class, they stay as they are.
    """
    logits = average_embeddings(evidence)
    clips, classes = logits.shape
    if clips < MIN_CLIPS_PER_CLASS * classes:
        return logits
    prior = np.full(classes, 1 / classes) if evidence.prior is None else evidence.prior
    return (logits + prior_shifts(logits, prior)).astype(np.float32)


def prior_shifts(logits: Array, prior: NDArray[np.floating]) -> NDArray[np.float64]:
    """Find what to add to each class's logits so that the mean probability of the class is its prior.

    Args:
        logits: of the clips, ``[N, C]``.
        prior: of the classes, ``[C]``, all positive and adding up to 1.

    Returns:
        Shifts, ``[C]``: by scaling columns and rows in turn (Sinkhorn).
    """
    logits = logits.astype(np.float64)
    shifts = np.zeros(logits.shape[1])
    for _ in range(ROUNDS):
        shifted = logits + shifts
        log_p = shifted - np.logaddexp.reduce(shifted, axis=1, keepdims=True)
        shifts += np.log(prior) - (np.logaddexp.reduce(log_p, axis=0) - np.log(len(logits)))
    return shifts - shifts.mean()
