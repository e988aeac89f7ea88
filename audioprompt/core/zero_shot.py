"""Zero-shot classification: templates x labels -> class weights -> predictions.

Pure functions on numpy arrays. Shapes are written with C classes, K templates, N clips, W windows
and D dimensions; every embedding is L2-normalised.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def normalise(vectors: Array) -> Array:
    """Scale vectors to unit length along the last axis; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(length, 1e-12)).astype(np.float32)


def ensemble_weights(prompts: Array) -> Array:
    """Average each class's prompt embeddings into one class weight (TSPE; Radford et al. 2021).

    The same as open_clip's ``build_zero_shot_classifier`` for the same features, transposed.

    Args:
        prompts: embeddings of the filled templates, ``[K, C, D]``.

    Returns:
        Class weights, ``[C, D]``, L2-normalised.
    """
    return normalise(prompts.mean(axis=0))


def cosines(audio: Array, weights: Array) -> Array:
    """Cosine of every clip with every class: ``[N, D]``, ``[C, D]`` -> ``[N, C]``.

    Also takes one weight matrix per template: ``[N, D]``, ``[K, C, D]`` -> ``[K, N, C]``.
    """
    return (audio @ np.swapaxes(weights, -1, -2)).astype(np.float32)


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (shifted / shifted.sum(axis=-1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Prediction:
    """What one method says about N clips (or N windows of one clip).

    Attributes:
        labels: the C class labels.
        probabilities: softmax of the scaled cosines, ``[N, C]``.
        votes: for each template the class it alone would choose, ``[K, N]``, indices into ``labels``.
    """

    labels: tuple[str, ...]
    probabilities: Array
    votes: NDArray[np.intp]

    @property
    def winners(self) -> NDArray[np.intp]:
        """Index of the most probable class of each clip, ``[N]``."""
        return self.probabilities.argmax(axis=-1)

    def tally(self, clip: int = 0) -> NDArray[np.intp]:
        """How many templates chose each class for one clip, ``[C]``."""
        return np.bincount(self.votes[:, clip], minlength=len(self.labels))


def predict(audio: Array, prompts: Array, labels: Sequence[str], logit_scale: float) -> Prediction:
    """Classify clips with the mean of templates (TSPE); one template is vanilla prompting.

    Other ways to let templates answer together are in `audioprompt.core.ensembles`.

    Args:
        audio: clip embeddings, ``[N, D]``.
        prompts: embeddings of the filled templates, ``[K, C, D]``.
        labels: the C labels.
        logit_scale: the model's own scale.

    Raises:
        ValueError: shapes that do not fit, no template, or no label.
    """
    if prompts.ndim != 3 or 0 in prompts.shape:
        raise ValueError(f"prompts must be [templates, classes, dim] and not empty, got shape {prompts.shape}")
    if audio.ndim != 2 or audio.shape[1] != prompts.shape[2]:
        raise ValueError(f"audio must be [clips, {prompts.shape[2]}], got shape {audio.shape}")
    if isinstance(labels, str):
        raise ValueError(f"labels must be a list of {prompts.shape[1]} names, not one text")
    if len(labels) != prompts.shape[1]:
        raise ValueError(f"{len(labels)} labels, but prompts for {prompts.shape[1]} classes")
    logits = logit_scale * cosines(audio, ensemble_weights(prompts))
    return Prediction(tuple(labels), softmax(logits), cosines(audio, prompts).argmax(axis=-1))


def accuracy(winners: NDArray[np.intp], targets: NDArray[np.intp]) -> float:
    """Share of clips whose chosen class is the true one, 0 to 1; ``[N]``, ``[N]``."""
    return float((winners == targets).mean())
