"""Recordings named with each other's help: all of them are listened to before any gets a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audioprompt.core.transductive import name_together
from audioprompt.core.zero_shot import Array, Prediction, ensemble_weights
from audioprompt.prompts.template import Template
from audioprompt.services.prompts import read_prompts
from audioprompt.services.words import read_labels
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel


@dataclass(frozen=True, eq=False)
class JointPrediction:
    """What N recordings are, by the words and with each other's help.

    Attributes:
        prediction: the answers with the recordings' help, N; those of the words where they were not followed.
        moved: how many got another label than by the words alone.
        reason: why the recordings were not followed, as a sentence; None where they were.
    """

    prediction: Prediction
    moved: int
    reason: str | None = None

    @property
    def words(self) -> str:
        """What the recordings' help came to, as a sentence."""
        if self.reason:
            return self.reason
        count = len(self.prediction.probabilities)
        changed = f"{counted(self.moved, 'answer')} of {count} changed" if self.moved else "no answer changed"
        return f"All {count} recordings were heard before any was named: {changed}."


def classify_together(
    model: "AudioTextModel", audio: Sequence[Array] | Array, labels: Sequence[str], templates: Sequence[Template]
) -> JointPrediction:
    """Name recordings with each other's help, by an ensemble of templates.

    Args:
        model: what heard the recordings, and reads the prompts.
        audio: their embeddings, N of ``[D]``, such as `Classification.embedding` of each.
        labels: the C labels.
        templates: the K templates.

    Raises:
        ValueError: there is no recording.
    """
    spoken = read_labels(model, labels).spoken
    words = ensemble_weights(read_prompts(model, templates, spoken)[1])
    found = name_together(np.asarray(audio, np.float32), words, model.logit_scale)
    return JointPrediction(found.prediction(tuple(labels)), found.moved, found.reason)
