"""Words as clips: a class is the mean of its clips and of its words, which count as a few clips more."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, normalise, softmax
from audioprompt.few_shot.from_words import FromWords, members, prototypes

if TYPE_CHECKING:
    from typing_extensions import Self

COUNTS = (4.0, 1.0, 2.0, 8.0, 16.0, 32.0)  # that words may count as; the first one where all do equally well


class WordsAsClips(FromWords):
    """The method. With ``t`` a class's text, ``m`` the mean of its n clips and k what its words count as:

        w = k t + n m,    L2-normalised

    Without a clip that is zero-shot classification, with very many the nearest mean. For k of 0 the count is taken that
    makes each clip most probable when it is left out of its own class.
    """

    method = "words-as-clips"

    def settled(self) -> "Self":
        head = super().settled()
        head.words = float(self.state["words"][0])
        return head

    def learn(self, audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        words = self.words or choose_count(self.texts, audio, targets, self.logit_scale)
        return {
            "weights": prototypes(self.texts, audio, targets, words),
            "words": np.array([words], np.float32),
        }


def choose_count(texts: Array, audio: Array, targets: NDArray[np.intp], logit_scale: float) -> float:
    """Choose what words count as by leaving one clip out at a time: ``[C, D]``, ``[N, D]``, ``[N]``."""

    def likelihood(words: float) -> float:
        logits = np.float32(logit_scale) * left_out_cosines(texts, audio, targets, words)
        chances = softmax(logits)[np.arange(len(targets)), targets]
        return float(np.log(np.maximum(chances, np.finfo(np.float32).tiny)).mean())

    return max(COUNTS, key=likelihood)


def left_out_cosines(texts: Array, audio: Array, targets: NDArray[np.intp], words: float) -> Array:
    """Cosine of every clip with every class, whose prototype has been made without that clip: ``[N, C]``."""
    sums = np.float32(words) * texts + members(targets, len(texts)).T @ audio
    found = audio @ normalise(sums).T
    own = normalise(sums[targets] - audio)
    found[np.arange(len(targets)), targets] = (audio * own).sum(axis=1)
    return found
