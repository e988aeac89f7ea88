"""Tip-Adapter: zero-shot classification in which the clips have a vote."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, cosines, softmax
from audioprompt.few_shot.base import OnEpoch, Stop, checked_clips, refuse_other_space
from audioprompt.few_shot.methods.zero_shot import ZeroShot
from audioprompt.few_shot.settings import PAPER_SCALE, FewShotError

if TYPE_CHECKING:
    from typing_extensions import Self

# The pair that the paper starts from comes first, and is taken where there is nothing to choose by.
ALPHAS = (1.0, 0.3, 3.0, 10.0, 30.0)
BETAS = (5.5, 1.0, 2.0, 3.5, 8.0, 12.0)


class TipAdapter(ZeroShot):
    """Tip-Adapter without training (Zhang et al., ECCV 2022): the clips themselves vote, the nearer the louder.

    A clip ``a`` gets, on top of its zero-shot logits, ``alpha * exp(-beta (1 - a·k))`` for the class of each clip ``k``
    it was shown. How much such votes should count depends on the model: its authors search on validation clips. Here
    every clip is one to learn from, so each is asked of the others in turn, and the pair that makes these answers most
    probable is taken.

    Args:
        classes: the C class names.
        weights: a vector for each class, ``[C, D]``, L2-normalised.
        alpha: how much the clips count; None to choose.
        beta: how quickly that fades with distance; None to choose.
        logit_scale: what the zero-shot cosines are multiplied by.
    """

    method = "tip-adapter"
    quick = True

    def __init__(
        self,
        classes: Sequence[str],
        weights: Array,
        alpha: float | None = None,
        beta: float | None = None,
        logit_scale: float = PAPER_SCALE,
    ) -> None:
        super().__init__(classes, weights, logit_scale)
        self.alphas = ALPHAS if alpha is None else (alpha,)
        self.betas = BETAS if beta is None else (beta,)

    def settled(self) -> "Self":
        head = super().settled()
        alpha, beta = self.state["pair"].tolist()
        head.alphas, head.betas = (alpha,), (beta,)
        return head

    def fit(
        self, audio: Array, targets: NDArray[np.intp], on_epoch: OnEpoch | None = None, stop: Stop | None = None
    ) -> "Self":
        audio, targets = checked_clips(audio, targets, self.classes, every_class=False)
        refuse_other_space(audio, self.weights)
        votes = np.eye(len(self.classes), dtype=np.float32)[targets]
        alpha, beta = self._chosen(audio, targets, votes)
        self.state = {
            "weights": self.weights,
            "clips": audio,
            "votes": votes,
            "pair": np.array([alpha, beta], np.float32),
        }
        return self

    def _chosen(self, audio: Array, targets: NDArray[np.intp], votes: Array) -> tuple[float, float]:
        """``alpha`` and ``beta`` by leaving one out; the first ones where no class has a second clip to be asked."""
        rows = np.flatnonzero(np.bincount(targets)[targets] > 1)
        pairs = [(alpha, beta) for alpha in self.alphas for beta in self.betas]
        if len(pairs) == 1 or not len(rows):
            return pairs[0]
        by_text, affinity = super()._logits(audio), cosines(audio, audio)

        def likelihood(pair: tuple[float, float]) -> float:
            near = _nearness(affinity, pair[1])
            np.fill_diagonal(near, 0)
            chances = softmax(by_text + pair[0] * near @ votes)[rows, targets[rows]]
            return float(np.log(np.maximum(chances, np.finfo(np.float32).tiny)).mean())

        return max(pairs, key=likelihood)

    def _logits(self, audio: Array) -> Array:
        if "pair" not in self.state:
            raise FewShotError("this tip-adapter head has seen no clips yet: call fit first")
        by_text, (alpha, beta) = super()._logits(audio), self.state["pair"]
        return by_text + alpha * _nearness(cosines(audio, self.state["clips"]), beta) @ self.state["votes"]


def _nearness(affinity: Array, beta: float) -> Array:
    """How loud a clip's vote is, 0 to 1, by its cosine."""
    return np.exp(-beta * (1 - affinity))
