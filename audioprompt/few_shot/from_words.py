"""Heads that begin with what the words say and let the clips move it, in closed form."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import HeadSpec, OnEpoch, SavedHead, Stop, checked_clips, refuse_other_space
from audioprompt.few_shot.methods.zero_shot import ZeroShot
from audioprompt.few_shot.settings import PAPER_SCALE, FewShotError, FitSettings

if TYPE_CHECKING:
    from typing_extensions import Self

WORDS = FitSettings.words  # clips that a class's words count as


class FromWords(ZeroShot):
    """A head for which a class without a clip has at least its words.

    The methods differ in `learn`, and in `_logits` where class weights are not all they learn.

    Args:
        classes: the C class names.
        texts: the embedding of each class's prompt, ``[C, D]``, L2-normalised.
        logit_scale: what cosines are multiplied by.
        words: how many clips the words of a class count as.
    """

    quick: ClassVar[bool] = True

    def __init__(
        self, classes: Sequence[str], texts: Array, logit_scale: float = PAPER_SCALE, words: float = WORDS
    ) -> None:
        super().__init__(classes, texts, logit_scale)
        self.words, self.state = words, {}

    @classmethod
    def build(cls, spec: HeadSpec) -> "Self":
        head = super().build(spec)
        head.words = spec.settings.words
        return head

    @classmethod
    def restore(cls, saved: SavedHead) -> "Self":
        return cls(saved.classes, saved.state["texts"], **saved.settings)

    @property
    def numbers(self) -> dict[str, float | int]:
        return {"logit_scale": self.logit_scale, "words": self.words}

    def fit(
        self, audio: Array, targets: NDArray[np.intp], on_epoch: OnEpoch | None = None, stop: Stop | None = None
    ) -> "Self":
        audio, targets = checked_clips(audio, targets, self.classes, self.needs_every_class)
        refuse_other_space(audio, self.texts)
        self.state = {"texts": self.texts, **self.learn(audio, targets)}
        return self

    @abstractmethod
    def learn(self, audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        """Return what a fit leaves in the state, by name: ``[N, D]``, ``[N]`` -> arrays."""

    @property
    def weights(self) -> Array:
        return self.state["weights"]


def members(targets: NDArray[np.intp], classes: int) -> Array:
    """Which clips are of which class: ``[N]`` -> 0 and 1, ``[N, C]``."""
    return np.eye(classes, dtype=np.float32)[targets]


def refuse_too_many(clips: int, most: int, method: str) -> None:
    """Refuse clips that a method keeps and compares with each other when they are too many.

    Raises:
        FewShotError: there are more than ``most``.
    """
    if clips > most:
        raise FewShotError(f"{clips:,} clips are too many for {method}, which takes {most:,}: choose another method.")
