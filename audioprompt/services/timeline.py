"""What is heard when in a recording, in Classify, in the shell and for callers."""

from typing import TYPE_CHECKING

import numpy as np

from audioprompt.core.timeline import Timeline, smooth
from audioprompt.core.zero_shot import Prediction
from audioprompt.services.rejection import Recogniser

if TYPE_CHECKING:
    from audioprompt.encoding.frames import Frames


def follow(frames: "Frames", said: Prediction, recogniser: Recogniser | None) -> Timeline:
    """Return how probable each label is over time.

    Args:
        frames: what the model heard, F of them.
        said: what the prompts or a head say of each, N = F.
        recogniser: tells for each label by itself whether it is heard; where there is none, the labels share what they
            are given in ``said``.
    """
    heard = ~frames.silent
    named = smooth(said.probabilities, heard, frames.step)
    present = recogniser.hear_each(frames.embeddings, heard, frames.step) if recogniser else named
    return Timeline(said.labels, frames.edges, present * heard[:, np.newaxis], named.argmax(axis=-1))
