"""Ensembles in which some templates count more than others: a weighted mean of their logits."""

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.ensembles.base import EnsembleError, Evidence
from audioprompt.core.zero_shot import Array

Weights = NDArray[np.float64]  # [K], not negative, adding up to 1

# What an even spread of the weights is worth beside the entropy of the answers: of 0.003 to 10 the best on tasks of ten
# classes drawn from the loops of the training pool, where below 0.1 one template took a quarter or more of the weight.
SPREAD = 1.0
ROUNDS = 100
STEP = 0.5  # of the way to where the weights would be next; halved whenever that leads up


def weight_by_accuracy(evidence: Evidence) -> Array:
    """Weigh templates by `accuracy_weights`: evidence with accuracies -> logits, ``[N, C]``.

    Raises:
        EnsembleError: no accuracies are known.
    """
    if evidence.accuracies is None:
        raise EnsembleError("Weighting by accuracy needs labelled clips to measure the templates on.")
    return mix(evidence, accuracy_weights(evidence.accuracies, evidence.validation, evidence.prompts.shape[1]))


def weight_by_entropy(evidence: Evidence) -> Array:
    """Weigh templates by `entropy_weights`: evidence -> logits, ``[N, C]``."""
    return mix(evidence, entropy_weights(evidence.logits))


def weight_by_score(evidence: Evidence) -> Array:
    """Weigh templates by `score_weights` (ZPE): evidence -> logits, ``[N, C]``."""
    background = None
    if evidence.background is not None:
        background = evidence.logit_scale * (evidence.background @ evidence.prompts.swapaxes(1, 2))
    return mix(evidence, score_weights(evidence.logits, background))


def mix(evidence: Evidence, weights: Weights) -> Array:
    """Average the templates' logits by weights: ``[K]`` -> ``[N, C]``."""
    return np.tensordot(weights, evidence.logits, axes=1).astype(np.float32)


def accuracy_weights(accuracies: Array, clips: int, classes: int) -> Weights:
    """Weigh templates by the log-odds with which each is right, against chance.

    That is the best there is for voters who err independently and evenly over the classes. One that is no better than
    chance has no weight; where none is better all have the same.

    Args:
        accuracies: of each template on labelled clips, ``[K]``.
        clips: how many these are; half a clip right and half a clip wrong are added to them.
        classes: C.
    """
    right = (np.asarray(accuracies, np.float64) * clips + 0.5) / (clips + 1)
    return _as_shares(np.maximum(np.log(right / (1 - right) * (classes - 1 or 1)), 0))


def score_weights(logits: Array, background: Array | None = None) -> Weights:
    """Weigh templates by how far the best class of a clip stands out (ZPE, Algorithm 2 of Allingham et al. 2023).

    Of every class's logits their mean over the clips is taken away, so that a template does not win by words that are
    near to any sound; a template's score is then the mean over the clips of the highest, and the weights are the
    softmax of the scores.

    Args:
        logits: of the clips, ``[K, N, C]``.
        background: of other clips, ``[K, M, C]``, whose mean counts as much; the paper takes the training data.
    """
    usual = logits.mean(axis=1, keepdims=True)
    if background is not None:
        usual = (usual + background.mean(axis=1, keepdims=True)) / 2
    scores = (logits - usual).max(axis=2).mean(axis=1).astype(np.float64)
    return _as_shares(np.exp(scores - scores.max()))


def entropy_weights(logits: Array, spread: float = SPREAD) -> Weights:
    """Weigh templates so that the ensemble is sure of its answers (arXiv 2601.05011).

    What is made small, by mirror descent from equal weights: the mean over the clips of the answers' entropy and of
    their cross-entropy to the answers of equal weights, less ``spread`` times the entropy of the weights themselves.
    Without the last two one template takes all.

    Args:
        logits: of the clips, ``[K, N, C]``.
        spread: the larger, the nearer the weights stay to equal ones.
    """
    said, step = logits.astype(np.float64), STEP
    weights = np.full(len(said), 1 / len(said))
    at_first = np.exp(_log_softmax(said.mean(axis=0)))
    cost = entropy_cost(said, weights, at_first, spread)
    for _ in range(ROUNDS):
        logs = np.log(np.maximum(weights, 1e-300))
        logs -= step * (entropy_slopes(said, weights, at_first) / spread + logs)
        tried = _as_shares(np.exp(logs - logs.max()))
        if (cost_tried := entropy_cost(said, tried, at_first, spread)) > cost:
            step /= 2
        else:
            weights, cost = tried, cost_tried
    return weights


def entropy_cost(logits: NDArray[np.float64], weights: Weights, at_first: NDArray[np.float64], spread: float) -> float:
    """Return what `entropy_weights` makes small, whose arguments and those of `entropy_slopes` these are."""
    log_p = _log_softmax(np.tensordot(weights, logits, axes=1))
    unsure = -((np.exp(log_p) + at_first) * log_p).sum(axis=1).mean()
    return float(unsure + spread * (weights * np.log(np.maximum(weights, 1e-300))).sum())


def entropy_slopes(logits: NDArray[np.float64], weights: Weights, at_first: NDArray[np.float64]) -> Weights:
    """Return by how much each weight raises the mean entropy and cross-entropy of `entropy_weights`, ``[K]``.

    Args:
        logits: of the clips, ``[K, N, C]``.
        weights: ``[K]``.
        at_first: probabilities by equal weights, ``[N, C]``.
    """
    log_p = _log_softmax(np.tensordot(weights, logits, axes=1))
    p = np.exp(log_p)
    entropy = -(p * log_p).sum(axis=1, keepdims=True)
    by_logit = -p * (log_p + entropy) + p - at_first  # [N, C]
    return np.tensordot(logits, by_logit, axes=2) / len(by_logit)


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def _as_shares(weights: Weights) -> Weights:
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), 1 / len(weights))
