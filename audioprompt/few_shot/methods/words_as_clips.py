"""Words as clips: a class is the mean of its clips and of its words, which count as a few clips more."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.words_and_clips import join, left_out_cosines
from audioprompt.core.zero_shot import Array, softmax
from audioprompt.few_shot.from_words import FromWords

if TYPE_CHECKING:
    from typing_extensions import Self

COUNTS = (4.0, 1.0, 2.0, 8.0, 16.0, 32.0)  # that words may count as; the first one where all do equally well


class WordsAsClips(FromWords):
    """The method: `join`, in which a class that has fewer clips than another is none the farther for it.

    Without a clip that is zero-shot classification, with very many the nearest mean. For words that count as 0 clips
    the count is taken that makes each clip most probable when it is left out of its own class.
    """

    method = "words-as-clips"

    def settled(self) -> "Self":
        head = super().settled()
        head.words = float(self.state["words"][0])
        return head

    def learn(self, audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        words = self.words or choose_count(self.texts, audio, targets, self.logit_scale)
        return {
            "weights": join(self.texts, audio, targets, words),
            "words": np.array([words], np.float32),
        }


def choose_count(texts: Array, audio: Array, targets: NDArray[np.intp], logit_scale: float) -> float:
    """Choose what words count as by leaving one clip out at a time: ``[C, D]``, ``[N, D]``, ``[N]``."""

    def likelihood(words: float) -> float:
        logits = np.float32(logit_scale) * left_out_cosines(texts, audio, targets, words)
        chances = softmax(logits)[np.arange(len(targets)), targets]
        return float(np.log(np.maximum(chances, np.finfo(np.float32).tiny)).mean())

    return max(COUNTS, key=likelihood)
