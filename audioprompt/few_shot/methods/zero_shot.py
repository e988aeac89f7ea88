"""Zero-shot classification: one plain prompt for all classes, and nothing is learned."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, cosines
from audioprompt.few_shot.base import Head, HeadSpec, OnEpoch, SavedHead, Stop, checked_audio, refuse_other_space
from audioprompt.few_shot.settings import PAPER_SCALE, FewShotError
from audioprompt.prompts.template import VANILLA

if TYPE_CHECKING:
    from typing_extensions import Self


class ZeroShot(Head):
    """Classes by the embeddings of their prompts. A fit changes nothing.

    Args:
        classes: the C class names.
        weights: a vector for each class, ``[C, D]``, L2-normalised.
        logit_scale: what cosines are multiplied by.

    Attributes:
        texts: the weights as given.
    """

    method = "zero-shot"
    needs_every_class = False

    def __init__(self, classes: Sequence[str], weights: Array, logit_scale: float = PAPER_SCALE) -> None:
        super().__init__(classes)
        weights = checked_audio(weights)
        if len(weights) != len(classes):
            raise FewShotError(f"{len(classes)} classes, but {len(weights)} class weights: give one for each")
        self.logit_scale = logit_scale
        self.texts = weights
        self.state = {"weights": weights}

    @classmethod
    def build(cls, spec: HeadSpec) -> "Self":
        return cls(spec.classes, spec.class_weights([VANILLA]), logit_scale=spec.logit_scale)

    @classmethod
    def restore(cls, saved: SavedHead) -> "Self":
        return cls(saved.classes, saved.state["weights"], **saved.settings)

    @property
    def numbers(self) -> Mapping[str, float | int]:
        return {"logit_scale": self.logit_scale}

    def fit(
        self, audio: Array, targets: NDArray[np.intp], on_epoch: OnEpoch | None = None, stop: Stop | None = None
    ) -> "Self":
        return self

    def by_words(self, audio: Array) -> Array:
        refuse_other_space(audio, self.texts)
        return np.float32(self.logit_scale) * cosines(audio, self.texts)

    @property
    def weights(self) -> Array:
        return self.state["weights"]

    def _logits(self, audio: Array) -> Array:
        refuse_other_space(audio, self.weights)
        return np.float32(self.logit_scale) * cosines(audio, self.weights)
