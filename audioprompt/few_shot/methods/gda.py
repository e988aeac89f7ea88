"""Gaussian discriminant analysis beside the words (Wang et al., ICLR 2024)."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import fit_temperature, log_likelihood
from audioprompt.core.zero_shot import Array, cosines
from audioprompt.few_shot.base import refuse_other_space
from audioprompt.few_shot.calibration import divide
from audioprompt.few_shot.from_words import FromWords, members

if TYPE_CHECKING:
    from typing_extensions import Self

COUNTS = (0.25, 1.0, 4.0, 16.0, 64.0)  # that the Gaussians may count as, beside words that count as 1
FOLDS = 5


class Gda(FromWords):
    """The method. Each class is a Gaussian around the mean ``m`` of its clips, and all share one precision ``P``.

    A clip ``a`` gets, beside the zero-shot logits ``s a·t``, what the Gaussians say:

        s (a·t + g (a·P m - m·P m / 2))

    ``P`` is the inverse of the scatter of the clips around their means, shrunk towards that of a ball the more the
    fewer clips there are, and scaled to a mean eigenvalue of 1. ``g`` is what makes left-out clips most probable,
    at the temperature that suits it.
    """

    method = "gda"
    counts: tuple[float, ...] = COUNTS

    def settled(self) -> "Self":
        head = super().settled()
        head.counts = (float(self.state["count"][0]),)
        return head

    def learn(self, audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        count = self._choose_count(audio, targets)
        weights, bias = discriminant(self.texts, audio, targets)
        scale = np.float32(self.logit_scale)
        return {
            "weights": scale * (self.texts + count * weights),
            "bias": scale * count * bias,
            "count": np.array([count]),
        }

    def _choose_count(self, audio: Array, targets: NDArray[np.intp]) -> np.float32:
        """Choose ``g`` by leaving clips out, if a class has another one; the first count where none has."""
        if len(self.counts) == 1:
            return np.float32(self.counts[0])
        found: list[tuple[Array, Array, NDArray[np.intp]]] = []
        place = divide(audio, targets, FOLDS, self.groups)
        for part in range(FOLDS):
            others = place != part
            asked = ~others & np.isin(targets, targets[others])
            if asked.any():
                weights, bias = discriminant(self.texts, audio[others], targets[others])
                found.append((cosines(audio[asked], self.texts), audio[asked] @ weights.T + bias, targets[asked]))
        if not found:
            return np.float32(self.counts[0])
        by_text, by_clips, right = (np.concatenate(parts) for parts in zip(*found, strict=True))

        def likelihood(count: float) -> float:
            logits = np.float32(self.logit_scale) * (by_text + np.float32(count) * by_clips)
            return log_likelihood(logits, right, fit_temperature(logits, right))

        return np.float32(max(self.counts, key=likelihood))

    def _logits(self, audio: Array) -> Array:
        refuse_other_space(audio, self.weights)
        return audio @ self.weights.T + self.state["bias"]


def discriminant(texts: Array, audio: Array, targets: NDArray[np.intp]) -> tuple[Array, Array]:
    """Return the linear discriminant of Gaussians that share one precision: weights ``[C, D]`` and bias ``[C]``."""
    means = class_means(texts, audio, targets)
    weights = apply_precision(means, audio - means[targets], len(audio) - len(np.unique(targets)))
    return weights, -(means * weights).sum(axis=1) / 2


def class_means(texts: Array, audio: Array, targets: NDArray[np.intp]) -> Array:
    """Mean of each class's clips, ``[C, D]``; a class without any lies from the others as its words from theirs."""
    counts = np.bincount(targets, minlength=len(texts))
    means = members(targets, len(texts)).T @ audio / np.maximum(counts, 1).astype(np.float32)[:, None]
    known = counts > 0
    means[~known] = means[known].mean(axis=0) + texts[~known] - texts[known].mean(axis=0)
    return means


def apply_precision(vectors: Array, scatter: Array, freedom: int) -> Array:
    """Multiply vectors ``[C, D]`` by the shrunk precision of deviations ``[N, D]``, of a mean eigenvalue of 1.

    It is the ridge estimate ``(freedom S + tr(S) I) ^ -1`` with ``S`` the covariance, worked out in the space of the
    clips where these are fewer than the dimensions.
    """
    clips, dim = scatter.shape
    ridge = float((scatter.astype(np.float64) ** 2).sum()) / max(freedom, 1)
    if ridge < 1e-9:
        return vectors
    if clips < dim:
        inner = np.linalg.inv(ridge * np.eye(clips) + scatter @ scatter.T)
        product = vectors - vectors @ scatter.T @ inner @ scatter
        trace = dim - float(((inner @ scatter) * scatter).sum())
    else:
        inverse = ridge * np.linalg.inv(ridge * np.eye(dim) + scatter.T @ scatter)
        product, trace = vectors @ inverse, float(np.trace(inverse))
    return (product * dim / trace).astype(np.float32)
