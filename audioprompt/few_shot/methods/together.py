"""All clips first: recordings without labels join the clips, and a head is kept of what all of them say together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.transductive import ClassMeans, LabelledExamples, name_together
from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import HeadSpec, OnEpoch, Stop, checked_clips, refuse_other_space
from audioprompt.few_shot.methods.zero_shot import ZeroShot
from audioprompt.few_shot.settings import PAPER_SCALE, FewShotError
from audioprompt.prompts.template import VANILLA
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from typing_extensions import Self

MEANS, CONCENTRATION = "means", "concentration"  # in the state, where the recordings are followed: [C, D], and [1]


class Together(ZeroShot):
    """The method: `audioprompt.core.transductive`. Where its guard steps back, the words alone answer.

    Args:
        classes: the C class names.
        weights: what the words say of each class, ``[C, D]``, L2-normalised.
        logit_scale: what cosines are multiplied by.
        unlabelled: embeddings of the recordings without labels, ``[U, D]``; None where the clips of the fit are all.
    """

    method = "together"

    def __init__(
        self,
        classes: Sequence[str],
        weights: Array,
        logit_scale: float = PAPER_SCALE,
        unlabelled: Array | None = None,
    ) -> None:
        super().__init__(classes, weights, logit_scale)
        self.unlabelled, self.state = unlabelled, {}

    @classmethod
    def build(cls, spec: HeadSpec) -> "Self":
        words = spec.class_weights(spec.templates or [VANILLA])
        return cls(spec.classes, words, spec.logit_scale, spec.unlabelled)

    def fit(
        self, audio: Array, targets: NDArray[np.intp], on_epoch: OnEpoch | None = None, stop: Stop | None = None
    ) -> "Self":
        audio, targets = checked_clips(audio, targets, self.classes, every_class=False)
        refuse_other_space(audio, self.texts)
        pool = audio if self.unlabelled is None else self.unlabelled
        answer = name_together(pool, self.texts, self.logit_scale, LabelledExamples(audio, targets))
        self._keep(answer.means)
        joined = f"{counted(len(pool), 'recording')} without labels joined the clips to learn from."
        self.notice = answer.reason or (None if self.unlabelled is None else joined)
        return self

    def listen(self) -> "Self":
        """Learn from the recordings without labels alone.

        Raises:
            FewShotError: they do not help each other.
        """
        if self.unlabelled is None:
            raise FewShotError("There are no recordings without labels: give some.")
        refuse_other_space(self.unlabelled, self.texts)
        answer = name_together(self.unlabelled, self.texts, self.logit_scale)
        if answer.reason:
            raise FewShotError(f"Nothing was learned from these recordings. {answer.reason}")
        self._keep(answer.means)
        self.notice = answer.words
        return self

    def _keep(self, found: ClassMeans | None) -> None:
        learned = {MEANS: found.means, CONCENTRATION: np.array([found.concentration], np.float32)} if found else {}
        self.state = {"weights": self.texts, **learned}

    def _logits(self, audio: Array) -> Array:
        logits = super()._logits(audio)
        if MEANS not in self.state:
            return logits
        means, concentration = self.state[MEANS], self.state[CONCENTRATION]
        if means.shape != self.weights.shape or concentration.shape != (1,) or not concentration[0] > 0:
            raise FewShotError("The means and the concentration of this head do not fit its classes.")
        return logits + ClassMeans(means, float(concentration[0])).log_likelihoods(audio)
