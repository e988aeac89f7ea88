"""The class-adaptive linear probe (Silva-Rodriguez et al., CVPR 2024)."""

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, softmax
from audioprompt.few_shot.from_words import FromWords, members

STEPS = 60  # of the descent at most; a minimum is near after half as many
HOLD = 0.3  # how firmly class weights are held to where they begin, beside the loss of one clip


class ClapProbe(FromWords):
    """The method: logistic regression that begins at the words and is held to them where they do well.

    How firmly, differs from class to class: by the probability that the words alone give to the clips of the class.
    """

    method = "clap-probe"
    quick = False

    def learn(self, audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        chances = softmax(self.by_words(audio))
        mine = members(targets, len(self.classes))
        counts = mine.sum(axis=0)
        firm = np.where(counts > 0, (chances * mine).sum(axis=0) / np.maximum(counts, 1), 1)
        return {"weights": fit_probe(self.texts, HOLD * firm, audio, targets, self.logit_scale)}


def fit_probe(begin: Array, hold: Array, audio: Array, targets: NDArray[np.intp], logit_scale: float) -> Array:
    """Fit class weights to clips, each class held to where it begins.

    The loss is the sum of the clips' cross-entropies and of ``s hold_c |w_c - b_c|² / 2``, which is convex.

    Args:
        begin: where the class weights begin, ``[C, D]``.
        hold: how firmly each class is held there, ``[C]``.
        audio: clip embeddings, ``[N, D]``.
        targets: each clip's class, ``[N]``.
        logit_scale: what cosines are multiplied by.
    """
    mine, held = members(targets, len(begin)), hold[:, None].astype(np.float64)
    rows = np.arange(len(targets))

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(begin.shape)
        logits = logit_scale * (audio @ weights.astype(np.float32).T).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        moved = weights - begin
        cost = logit_scale * (held * moved**2).sum() / 2 - logits[rows, targets].sum()
        slope = (np.exp(logits) - mine).astype(np.float32).T @ audio
        return float(cost), (logit_scale * (slope + held * moved)).ravel()

    from scipy.optimize import minimize  # takes a while to import

    found = minimize(loss, begin.astype(np.float64).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return found.x.reshape(begin.shape).astype(np.float32)
