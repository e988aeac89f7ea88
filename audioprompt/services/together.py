"""Recordings named with each other's help: all of them are listened to before any gets a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audioprompt.core.transductive import JointAnswer, name_together
from audioprompt.core.zero_shot import Array, Prediction, ensemble_weights
from audioprompt.prompts.template import Template
from audioprompt.services.prompts import read_prompts
from audioprompt.services.words import read_labels

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel


@dataclass(frozen=True, eq=False)
class JointPrediction:
    """What N recordings are, by the words and with each other's help.

    Attributes:
        labels: the C labels.
        answer: of which of them each recording is.
    """

    labels: tuple[str, ...]
    answer: JointAnswer

    @property
    def prediction(self) -> Prediction:
        """The answers with the recordings' help, N; those of the words where they were not followed."""
        return self.answer.prediction(self.labels)


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
    return JointPrediction(tuple(labels), found)
