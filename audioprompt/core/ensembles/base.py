"""What an ensemble is, and what it has to go by.

Shapes and letters are those of `audioprompt.core.zero_shot`: C classes, K templates, N clips and D dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audioprompt.core.zero_shot import Array, cosines
from audioprompt.errors import AudiopromptError


class EnsembleError(AudiopromptError, ValueError):
    """Templates cannot be combined like this; the message says why."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an ensemble has to go by.

    Attributes:
        audio: embeddings of the clips to classify, ``[N, D]``.
        prompts: embeddings of the filled templates, ``[K, C, D]``.
        logit_scale: the model's own scale.
        accuracies: of each template alone on labelled clips, ``[K]``; None where there are none.
        validation: how many clips these were measured on.
        background: embeddings of other clips of any sound, ``[M, D]``; None where there are none.
        prior: how likely each class is, ``[C]``, adding up to 1; None for all equally.

    Raises:
        EnsembleError: there is no template, no class or no clip, or the shapes do not fit each other.
    """

    audio: Array
    prompts: Array
    logit_scale: float
    accuracies: Array | None = None
    validation: int = 0
    background: Array | None = None
    prior: Array | None = None

    def __post_init__(self) -> None:
        if self.prompts.ndim != 3 or 0 in self.prompts.shape:
            shape = self.prompts.shape
            raise EnsembleError(f"Prompts must be [templates, classes, dim] and not empty, not of shape {shape}.")
        if self.audio.ndim != 2 or not len(self.audio) or self.audio.shape[1] != self.prompts.shape[2]:
            expected = f"[clips, {self.prompts.shape[2]}]"
            raise EnsembleError(f"Audio must be {expected} and not empty, not of shape {self.audio.shape}.")
        if self.accuracies is not None and self.accuracies.shape != self.prompts.shape[:1]:
            raise EnsembleError(f"{len(self.prompts)} templates need as many accuracies, not {self.accuracies.shape}.")
        if self.prior is not None and self.prior.shape != self.prompts.shape[1:2]:
            raise EnsembleError(f"{self.prompts.shape[1]} classes need a prior for each, not {self.prior.shape}.")
        if self.prior is not None and not (np.all(self.prior > 0) and np.isclose(self.prior.sum(), 1)):
            raise EnsembleError("The priors must be positive and add up to 1.")

    @cached_property
    def logits(self) -> Array:
        """What each template alone says, ``[K, N, C]``."""
        return np.float32(self.logit_scale) * cosines(self.audio, self.prompts)


@dataclass(frozen=True)
class Ensemble:
    """A way to let several templates answer together.

    Attributes:
        name: what people call it in commands and in the API: "logits".
        title: what pages call it: "Mean of logits".
        description: one line on what it does.
        combine: evidence -> logits of each clip and class, ``[N, C]``.
        needs_labels: whether it goes by the templates' accuracy on labelled clips.
    """

    name: str
    title: str
    description: str
    combine: Callable[[Evidence], Array]
    needs_labels: bool = False
