"""What all few-shot methods share: the choice of clips, what a head is built from, and how it is asked.

A head works on clip embeddings that were computed once; no audio encoder runs here. Shapes are written with C classes,
N clips, B clips of one batch and D dimensions; every embedding is L2-normalised. Classes are given by number, as
`LabelledClips.targets` has them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from audioprompt.core.zero_shot import Array, Prediction, accuracy, ensemble_weights, softmax
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import embed_prompts
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.prompts.template import BARE_NAME, Template
from audioprompt.util.text import named

if TYPE_CHECKING:
    from typing_extensions import Self

    from audioprompt.models.base import AudioTextModel


@dataclass(frozen=True)
class Epoch:
    """How the fit stands after one epoch.

    Attributes:
        number: counted from 1.
        loss: mean cross-entropy of the clips, each as its batch came up.
        accuracy: share of the clips put in the right class, likewise.
    """

    number: int
    loss: float
    accuracy: float


TEMPERATURE = "temperature"  # in a head's state: what its logits are divided by, [1]

OnEpoch = Callable[[Epoch], bool | None]  # returns False to end the fit
Stop = Callable[[], bool]  # asked before every batch


# --- clips ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shots:
    """The clips to learn from.

    Attributes:
        rows: which they are, class by class, ``[M]``.
        notice: which classes have fewer than were asked for, as a sentence; None where none has.
    """

    rows: NDArray[np.intp]
    notice: str | None = None


def choose_shots(targets: NDArray[np.intp], classes: Sequence[str], shots: int = 16, random_state: int = 0) -> Shots:
    """Choose clips per class at random, the same ones for the same seed; all clips of a class that has fewer.

    A class's choice does not depend on the other classes, and more shots contain fewer shots.

    Args:
        targets: each clip's class, ``[N]``, indices into ``classes``.
        classes: the C class names.
        shots: clips per class, 1 to 16 in the papers.
        random_state: seed of the choice.

    Raises:
        FewShotError: labels that are none, a class without clips, fewer than one shot, or a seed below 0.
    """
    if random_state < 0:
        raise FewShotError(f"The seed of a fit is {random_state}: give 0 or more.")
    if shots < 1:
        raise FewShotError(f"{shots} clips per class are too few: take 1 to 16")
    targets = checked_targets(targets, len(targets), classes)
    by_class = [np.flatnonzero(targets == number) for number in range(len(classes))]
    chosen = [np.random.default_rng([random_state, number]).permutation(rows) for number, rows in enumerate(by_class)]
    few = [f"{name} ({len(rows)})" for name, rows in zip(classes, by_class, strict=True) if len(rows) < shots]
    notice = f"Fewer than {shots} clips, so all were taken: {named(few)}." if few else None
    return Shots(np.concatenate([rows[:shots] for rows in chosen]), notice)


def checked_clips(
    audio: Array, targets: NDArray[np.intp], classes: Sequence[str], every_class: bool = True
) -> tuple[Array, NDArray[np.intp]]:
    """Clips that a fit can learn from: embeddings ``[N, D]``, copied, and their classes ``[N]``.

    Args:
        audio: the embeddings.
        targets: their classes.
        classes: the C class names.
        every_class: whether each class must have a clip.

    Raises:
        FewShotError: what `checked_audio` and `checked_targets` refuse, or one sound in two classes.
    """
    audio = checked_audio(audio)
    targets = checked_targets(targets, len(audio), classes, every_class)
    first: dict[bytes, int] = {}
    for row, vector in enumerate(audio):
        other = first.setdefault(vector.tobytes(), row)
        if targets[other] != targets[row]:
            raise FewShotError(
                f"clips {other} and {row} are the same sound, but one is labelled {classes[targets[other]]} "
                f"and the other {classes[targets[row]]}: leave one of them out"
            )
    return audio, targets


def checked_targets(
    targets: NDArray[np.intp], clips: int, classes: Sequence[str], every_class: bool = True
) -> NDArray[np.intp]:
    """Return the labels of N clips as class numbers, ``[N]``.

    Raises:
        FewShotError: not one known class for each clip, or a class without a clip where each must have one.
    """
    targets = np.asarray(targets)
    if targets.shape != (clips,) or not np.issubdtype(targets.dtype, np.integer):
        raise FewShotError(
            f"the labels must be {clips} numbers, one for each clip: its place among the classes, from 0; "
            f"these are {targets.dtype} of shape {targets.shape}"
        )
    if len(unknown := targets[(targets < 0) | (targets >= len(classes))]):
        raise FewShotError(f"there is no class {unknown[0]}: the {len(classes)} classes are 0 to {len(classes) - 1}")
    counts = np.bincount(targets, minlength=len(classes))
    missing = [name for name, count in zip(classes, counts, strict=True) if not count]
    if missing and every_class:
        raise FewShotError(f"there is no clip of {named(missing)}: add some, or leave the class out")
    return targets.astype(np.intp)


def checked_audio(audio: Array) -> Array:
    """Return a copy of clip embeddings, ``[N, D]``.

    Raises:
        FewShotError: another shape, or a number that is none.
    """
    audio = np.array(audio, np.float32)
    if audio.ndim != 2 or 0 in audio.shape:
        raise FewShotError(f"the embeddings must be [clips, dimensions] and not empty, got shape {audio.shape}")
    if not np.isfinite(audio).all():
        row = int(np.flatnonzero(~np.isfinite(audio).all(axis=1))[0])
        raise FewShotError(f"Clip {row} has a NaN embedding. Check the recording, or leave it out.")
    return audio


def refuse_other_space(audio: Array | Tensor, weights: Array | Tensor) -> None:
    """See that clips and class weights can be compared: ``[..., D]``, ``[..., D]``.

    Raises:
        FewShotError: they have different numbers of dimensions.
    """
    if audio.shape[-1] != weights.shape[-1]:
        raise FewShotError(
            f"the embeddings have {audio.shape[-1]} dimensions, but the classes {weights.shape[-1]}: "
            "use one model for clips, classes and head"
        )


# --- what heads are made of -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeadSpec:
    """What a head is built from, of which each method takes what it needs.

    Attributes:
        model: the model that embeds the clips; its text tower reads the class names here.
        classes: the C class names, as a prompt says them (`LabelledClips.spoken_classes`).
        settings: how it is fitted; the scale of the logits is the model's own where they say none.
        templates: an ensemble of prompts, such as a pack's approved ones.
        start: the templates whose ensemble PALM starts from, alone the bare name as in the paper.
        unlabelled: embeddings of recordings without labels that join the clips, ``[U, D]``; None for none.
    """

    model: "AudioTextModel"
    classes: Sequence[str]
    settings: FitSettings = field(default_factory=FitSettings)
    templates: Sequence[Template] = ()
    start: Sequence[Template] = (BARE_NAME,)
    unlabelled: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", self.settings.at_scale(self.model.logit_scale))

    @property
    def logit_scale(self) -> float:
        """What cosines are multiplied by: the model's own scale, unless the settings say another."""
        return self.settings.logit_scale or self.model.logit_scale

    def class_weights(self, templates: Sequence[Template]) -> Array:
        """Return what an ensemble of templates makes of each class, ``[C, D]``, L2-normalised.

        Raises:
            FewShotError: there is no template.
        """
        if not templates:
            raise FewShotError("This method needs templates: choose a pack that has approved ones.")
        return ensemble_weights(embed_prompts(self.model, templates, self.classes, cache=EmbeddingCache()))


@dataclass(frozen=True)
class SavedHead:
    """What is left of a head when it was saved.

    Attributes:
        model: the model on whose embeddings it was fitted.
        classes: the C class names.
        settings: what `Head.numbers` was.
        state: what `Head.state` was.
    """

    model: "AudioTextModel"
    classes: Sequence[str]
    settings: Mapping[str, float | int]
    state: Mapping[str, Array]


# --- heads ------------------------------------------------------------------------------------------------------------


class Head(ABC):
    """A classifier of clip embeddings for C classes, in the manners of scikit-learn.

    Attributes:
        method: what people call it in commands and in the app.
        classes: the C class names.
        state: all that a head of the same method, classes and settings needs to give the same answers, arrays by name;
            empty until there is something. A fit replaces the mapping and never changes it.
        history: the epochs of the fit, where the method has any.
        notice: advice on how the fit went, as a sentence; None where none is due.
        groups: which recording each clip of the next fit is from, ``[N]``: those of one are left out together where
            clips are left out to see how far a head can be trusted; None where that is not known.

    Raises:
        FewShotError: fewer than two classes, or one of them twice.
    """

    method: ClassVar[str]
    needs_every_class: ClassVar[bool] = True  # its words alone do not make a class
    quick: ClassVar[bool] = False  # a fit takes so little that one for each clip hardly counts
    folds: ClassVar[int] = 5  # in which clips are left out otherwise, to see how far its probabilities can be trusted

    def __init__(self, classes: Sequence[str]) -> None:
        if len(classes) < 2:
            raise FewShotError("there is nothing to tell apart: give clips of at least two classes")
        if len(set(classes)) < len(classes):
            raise FewShotError("Duplicate class names: give each of them once.")
        self.classes = tuple(classes)
        self.state: Mapping[str, Array] = {}
        self.history: tuple[Epoch, ...] = ()
        self.notice: str | None = None
        self.groups: NDArray[np.intp] | None = None

    @classmethod
    @abstractmethod
    def build(cls, spec: HeadSpec) -> "Self":
        """Make a head that is ready to be fitted.

        Raises:
            FewShotError: classes that cannot be told apart, or no template where some are needed.
        """

    @classmethod
    @abstractmethod
    def restore(cls, saved: SavedHead) -> "Self":
        """Make a head that was saved, which is given its state afterwards.

        Raises:
            FewShotError, LookupError, TypeError: it was not a head of this method.
        """

    @property
    @abstractmethod
    def numbers(self) -> Mapping[str, float | int]:
        """The numbers beside its arrays that a head is made of, by name."""

    @abstractmethod
    def fit(
        self, audio: Array, targets: NDArray[np.intp], on_epoch: OnEpoch | None = None, stop: Stop | None = None
    ) -> "Self":
        """Learn from labelled clips.

        A fit that ends early, by request or by an error, leaves the head as the last whole epoch made it; in the first
        epoch, as it was before.

        Args:
            audio: clip embeddings, ``[N, D]``.
            targets: each clip's class, ``[N]``, indices into ``classes``.
            on_epoch: told of each epoch, if the method has any, when the head already holds what was learned in it;
                returning False ends the fit.
            stop: asked before every batch whether to end the fit, for methods whose epochs are long.

        Raises:
            FewShotError: clips or labels that nothing can be learned from, or a loss that grows out of bounds.
        """

    def settled(self) -> "Self":
        """Return a copy of a fitted head that chooses nothing anew in its next fit: strengths, widths, counts.

        Logits of heads that chose differently lie differently far apart, so the temperature of one suits no other.
        """
        return copy(self)

    @abstractmethod
    def _logits(self, audio: Array) -> Array:
        """`logits` of a fitted head."""

    def logits(self, audio: Array) -> Array:
        """How much speaks for each class: ``[N, D]`` -> ``[N, C]``, to be put through a softmax.

        Raises:
            FewShotError: the head is not fitted, or the embeddings or the state do not fit it.
        """
        if not self.state:
            raise FewShotError(f"this {self.method} head has learned nothing yet: call fit first")
        logits = self._logits(checked_audio(audio))
        if logits.shape[1] != len(self.classes):
            raise FewShotError(f"the head knows {logits.shape[1]} classes, but has {len(self.classes)} names for them")
        return logits / self.temperature

    @property
    def temperature(self) -> np.float32:
        """What logits are divided by, so that probabilities mean what they say; 1 where that was not measured.

        Raises:
            FewShotError: the state has one that cannot be.
        """
        given = self.state.get(TEMPERATURE, np.ones(1, np.float32))
        if given.shape != (1,) or not given[0] > 0:
            raise FewShotError("The temperature of a head must be one number above 0.")
        return given[0]

    def by_words(self, audio: Array) -> Array | None:
        """Return the logits by the words alone, ``[N, D]`` -> ``[N, C]``; None of a head that does not have them."""
        return None

    def predict_proba(self, audio: Array) -> Array:
        """Probability of each class: ``[N, D]`` -> ``[N, C]``."""
        return softmax(self.logits(audio))

    def predict(self, audio: Array) -> NDArray[np.intp]:
        """Return the most probable class: ``[N, D]`` -> ``[N]``, indices into ``classes``."""
        return self.logits(audio).argmax(axis=-1)

    def score(self, audio: Array, targets: NDArray[np.intp]) -> float:
        """Share of the clips put in the right class, 0 to 1: ``[N, D]``, ``[N]``."""
        return accuracy(self.predict(audio), np.asarray(targets))

    def prediction(self, audio: Array) -> Prediction:
        """Return what the head says, in the form that vanilla prompting and TSPE answer in; it has one vote."""
        probabilities = self.predict_proba(audio)
        return Prediction(self.classes, probabilities, probabilities.argmax(axis=-1)[np.newaxis])

    @property
    def weights(self) -> Array | None:
        """The vector that each class is compared by, ``[C, D]``; None where there is no such thing."""
        return None
