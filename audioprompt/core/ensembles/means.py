"""Ensembles in which every template counts the same."""

import numpy as np

from audioprompt.core.ensembles.base import Evidence
from audioprompt.core.zero_shot import Array, cosines, ensemble_weights


def average_embeddings(evidence: Evidence) -> Array:
    """Average each class's prompts into one embedding (TSPE): evidence -> logits, ``[N, C]``."""
    return np.float32(evidence.logit_scale) * cosines(evidence.audio, ensemble_weights(evidence.prompts))


def average_logits(evidence: Evidence) -> Array:
    """Average the templates' logits, ``[N, C]``: the mean of embeddings but for its normalisation."""
    return evidence.logits.mean(axis=0)
