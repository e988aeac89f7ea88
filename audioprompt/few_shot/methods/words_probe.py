"""A probe held to words as clips: logistic regression that cannot go far from what is best with few clips."""

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.words_and_clips import join
from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.from_words import WORDS, FromWords
from audioprompt.few_shot.methods.clap_probe import fit_probe

HOLD = 1.0  # how firmly class weights are held to where they begin, beside the loss of one clip


class WordsProbe(FromWords):
    """The method: `WordsAsClips`, and then what the clips tell about the borders between classes."""

    method = "words-probe"
    quick = False

    def learn(self, audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        begin = join(self.texts, audio, targets, self.words or WORDS)
        hold = np.full(len(begin), HOLD)
        return {"weights": fit_probe(begin, hold, audio, targets, self.logit_scale)}
