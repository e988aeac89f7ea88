"""Kernel ridge regression on what the words get wrong (ProKeR: Bendou et al., CVPR 2025)."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import fit_temperature
from audioprompt.core.zero_shot import Array, cosines, softmax
from audioprompt.few_shot.base import refuse_other_space
from audioprompt.few_shot.from_words import FromWords, members, refuse_too_many

if TYPE_CHECKING:
    from typing_extensions import Self

WIDTHS = (3.0, 1.0, 10.0)  # how quickly likeness fades with distance
RIDGES = (0.3, 0.1, 1.0, 3.0)
MAX_CLIPS = 5_000


class KernelRidge(FromWords):
    """The method. With ``p`` the words' probabilities, ``k`` a kernel and ``X, Y`` the clips and their classes:

        f(a) = p(a) + k(a, X) (k(X, X) + r I)^-1 (Y - p(X))

    so that a clip unlike any other is judged by the words. The width of the kernel, the ridge r and what f is
    multiplied by to be a logit are those for which clips that are left out come out best; leaving out is exact.
    """

    method = "kernel-ridge"
    widths: tuple[float, ...] = WIDTHS
    ridges: tuple[float, ...] = RIDGES
    gain: float | None = None  # to be chosen

    def settled(self) -> "Self":
        head = super().settled()
        width, gain, ridge = self.state["kernel"].tolist()
        head.widths, head.ridges, head.gain = (width,), (ridge,), gain
        return head

    def learn(self, audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        refuse_too_many(len(audio), MAX_CLIPS, self.method)
        by_text = self._chances_by_words(audio)
        wrong = members(targets, len(self.classes)) - by_text
        tried = [
            (width, ridge, *solve_ridge(kernel(audio, audio, width), ridge, wrong))
            for width in self.widths
            for ridge in self.ridges
        ]
        width, ridge, coefficients, left_out = min(tried, key=lambda one: float(((wrong - one[3]) ** 2).mean()))
        gain = self.gain or 1 / fit_temperature(by_text + left_out, targets, weight=1, expected=1 / self.logit_scale)
        return {
            "weights": self.texts,
            "clips": audio,
            "coefficients": coefficients,
            "kernel": np.array([width, gain, ridge], np.float32),
        }

    def _chances_by_words(self, audio: Array) -> Array:
        return softmax(self.by_words(audio))

    def _logits(self, audio: Array) -> Array:
        refuse_other_space(audio, self.weights)
        width, gain = self.state["kernel"][:2]
        return gain * (
            self._chances_by_words(audio) + kernel(audio, self.state["clips"], width) @ self.state["coefficients"]
        )


def kernel(one: Array, other: Array, width: float) -> Array:
    """How alike clips are, 0 to 1: ``[N, D]``, ``[M, D]`` -> ``[N, M]``; Gaussian in their distance."""
    return np.exp(np.float32(width) * (cosines(one, other) - 1))


def solve_ridge(alike: Array, ridge: float, values: Array) -> tuple[Array, Array]:
    """Solve a ridge regression: ``[N, N]``, ``[N, C]`` -> coefficients, and each row as the others tell it."""
    inverse = np.linalg.inv(alike.astype(np.float64) + ridge * np.eye(len(alike)))
    coefficients = inverse @ values
    left_out = values - coefficients / np.diag(inverse)[:, None]
    return coefficients.astype(np.float32), left_out.astype(np.float32)
