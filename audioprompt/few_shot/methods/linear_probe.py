"""A linear probe: logistic regression on the clips alone."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import Head, HeadSpec, OnEpoch, SavedHead, Stop, checked_clips, refuse_other_space

if TYPE_CHECKING:
    from typing_extensions import Self


class LinearProbe(Head):
    """Logistic regression on standardised embeddings, by scikit-learn; it reads no text at all.

    Args:
        classes: the C class names.
        strength: inverse of the regularisation, scikit-learn's ``C``.
    """

    method = "linear-probe"

    def __init__(self, classes: Sequence[str], strength: float = 1.0) -> None:
        super().__init__(classes)
        self.strength = strength

    @classmethod
    def build(cls, spec: HeadSpec) -> "Self":
        return cls(spec.classes)

    @classmethod
    def restore(cls, saved: SavedHead) -> "Self":
        return cls(saved.classes, **saved.settings)

    @property
    def numbers(self) -> Mapping[str, float | int]:
        return {"strength": self.strength}

    def fit(
        self, audio: Array, targets: NDArray[np.intp], on_epoch: OnEpoch | None = None, stop: Stop | None = None
    ) -> "Self":
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        audio, targets = checked_clips(audio, targets, self.classes)
        scaler = StandardScaler()
        probe = LogisticRegression(C=self.strength, max_iter=1_000).fit(scaler.fit_transform(audio), targets)
        weight, bias = probe.coef_, probe.intercept_
        if len(weight) == 1:  # of two classes scikit-learn weighs the second alone
            weight, bias = np.stack([0 * weight[0], weight[0]]), np.array([0, bias[0]])
        weight = weight / scaler.scale_
        self.state = {"weight": weight.astype(np.float32), "bias": (bias - weight @ scaler.mean_).astype(np.float32)}
        return self

    def _logits(self, audio: Array) -> Array:
        refuse_other_space(audio, self.state["weight"])
        return audio @ self.state["weight"].T + self.state["bias"]
