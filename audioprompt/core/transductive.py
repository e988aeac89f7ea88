"""Listening to all clips before naming any of them: what clips without labels tell each other.

Clips of one class lie together, wherever the words point. So each class gets a mean clip, and a clip is named by its
class's words and by its distance to the class's mean, which again depends on how the clips are named: expectation
maximisation of one Gaussian per class with a shared variance, in which the words have a say at every step (after
TransCLIP, arXiv 2406.01837, and arXiv 2606.17160). With ``p`` what the words alone say of a clip ``a``, and ``z`` what
is said with the clips' help::

    mean_c = (sum_i m_ic a_i + sum_l 3 x_l + 4 anchor_c) / (sum_i m_ic + 3 n_c + 4),   m = (z + p) / 2
    kappa  = min(D / mean |a_i - mean_c|^2, 30)
    z_ic  ~= p_ic exp(-kappa / 2 |a_i - mean_c|^2),   from z = p, 15 rounds

The ``x_l`` are labelled clips, where there are any. The anchor is where the words place a class among the clips, and
its weight keeps a class that few clips belong to from being taken over by another's; averaging z with p does the same
where clips belong to no class. Both weights and the limit of kappa were chosen on windows of the recordings that the
bundled model learned from (45 kinds of sound), under imbalance and with half of the clips of no listed class.

Shapes are those of `audioprompt.core.zero_shot`, with L labelled clips.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, Prediction, cosines, softmax
from audioprompt.util.text import counted

WORDS_COUNT_AS = 4.0  # clips, in the mean of their class
LABELLED_COUNT_AS = 3.0  # clips without a label, each
MAX_CONCENTRATION = 30.0
ROUNDS = 15
MAX_MOVED = 1 / 3  # fraction of the clips that may get another name than by the words alone
MAX_SWALLOWED = 1 / 4  # fraction of the clips that one class may win from the others
ALIKE = 1e-4  # spread of embeddings, in each dimension, below which all clips are one sound
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class LabelledExamples:
    """Clips whose classes are known, which stay in their classes whatever the others say.

    Attributes:
        audio: their embeddings, ``[L, D]``.
        targets: the class of each, ``[L]``, from 0 to C - 1.
    """

    audio: Array
    targets: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """Where the clips of each class lie, and how close together.

    Attributes:
        means: ``[C, D]``.
        concentration: one over the variance that all classes share, kappa.
    """

    means: Array
    concentration: float

    def log_likelihoods(self, audio: Array) -> Array:
        """How well each clip fits among those of each class: ``[N, D]`` -> ``[N, C]``."""
        return (-self.concentration / 2 * _squared_distances(audio, self.means)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class JointAnswer:
    """What N clips are, after all of them were listened to.

    Attributes:
        probabilities: of each class, ``[N, C]``; where the guard stepped back, what the words say alone.
        means: what was learned of the classes, good for further clips; None where the guard stepped back.
        alone: what the words say alone, ``[N, C]``.
        reason: why the guard stepped back, as a sentence; None where it did not.
    """

    probabilities: Array
    means: ClassMeans | None
    alone: Array
    reason: str | None = None

    @property
    def moved(self) -> int:
        """How many clips got another name than by the words alone."""
        return int((self.probabilities.argmax(axis=-1) != self.alone.argmax(axis=-1)).sum())

    @property
    def words(self) -> str:
        """What the clips' help came to, as a sentence."""
        if self.reason:
            return self.reason
        clips = len(self.probabilities)
        changed = f"{counted(self.moved, 'answer')} of {clips} changed" if self.moved else "no answer changed"
        return f"All {clips} recordings were heard before any was named: {changed}."

    def prediction(self, labels: tuple[str, ...]) -> Prediction:
        """Return the answers in the form of the other methods', with one vote."""
        return Prediction(labels, self.probabilities, self.probabilities.argmax(axis=-1)[np.newaxis])


def name_together(
    audio: Array, words: Array, logit_scale: float, labelled: LabelledExamples | None = None, guarded: bool = True
) -> JointAnswer:
    """Name clips with each other's help.

    Args:
        audio: embeddings of the clips without labels, ``[N, D]``.
        words: the class weights, ``[C, D]``.
        logit_scale: the model's own.
        labelled: clips whose classes are known, if any.
        guarded: step back to the words where the clips mislead more than they help.

    Raises:
        ValueError: shapes that do not fit, no clip, no class, or a number that is NaN or infinite.
    """
    _check(audio, words, labelled)
    alone = softmax(logit_scale * cosines(audio, words))
    reason = _reason_before(audio, len(words), labelled) if guarded else None
    if reason:
        return JointAnswer(alone, None, alone, reason)
    means, probabilities = _maximise(audio, words, logit_scale, labelled)
    reason = _reason_after(alone, probabilities) if guarded else None
    return JointAnswer(alone, None, alone, reason) if reason else JointAnswer(probabilities, means, alone)


def _maximise(
    audio: Array, words: Array, logit_scale: float, labelled: LabelledExamples | None
) -> tuple[ClassMeans, Array]:
    """Run the rounds of the algorithm: the classes' means, and the probabilities ``[N, C]``."""
    clips, fixed = _with_examples(audio, len(words), labelled)
    scores = logit_scale * (clips @ words.T)
    alone = softmax(scores.astype(np.float32)).astype(np.float64)
    free = slice(0, len(audio))
    anchors = place_words(clips, words, alone)
    found = alone.copy()
    for _ in range(ROUNDS):
        members = (found + alone) / 2
        members[len(audio) :] = fixed
        weight = members.sum(axis=0)[:, np.newaxis]
        means = (members.T @ clips + WORDS_COUNT_AS * anchors) / (weight + WORDS_COUNT_AS)
        distances = _squared_distances(clips, means)
        variance = float((members * distances).sum() / members.sum())
        concentration = min(clips.shape[1] / max(variance, TINY), MAX_CONCENTRATION)
        found = softmax((scores - concentration / 2 * distances).astype(np.float32)).astype(np.float64)
    return ClassMeans(means.astype(np.float32), concentration), found[free].astype(np.float32)


def _with_examples(
    audio: Array, classes: int, labelled: LabelledExamples | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All clips, ``[N + L, D]``, and to what the labelled ones belong, ``[L, C]``."""
    if labelled is None:
        return audio.astype(np.float64), np.empty((0, classes))
    clips = np.concatenate([audio, labelled.audio]).astype(np.float64)
    return clips, LABELLED_COUNT_AS * np.eye(classes)[labelled.targets]


def place_words(clips: NDArray[np.float64], words: Array, alone: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the words place each class among the clips: ``[N, D]``, ``[C, D]``, ``[N, C]`` -> ``[C, D]``.

    Texts and sounds lie apart in most models' spaces, and spread differently. So a class is put at the middle of the
    clips, moved in the direction of its words, as far as the clips move when the words that are said of them do.
    """
    said = alone @ words  # the words of each clip, weighted by what is said of it
    middle, said_middle = clips.mean(axis=0), said.mean(axis=0)
    spread = ((said - said_middle) ** 2).sum()
    slope = ((clips - middle) * (said - said_middle)).sum() / max(spread, TINY)
    return middle + slope * (words - said_middle)


def _squared_distances(audio: NDArray[np.floating], means: NDArray[np.floating]) -> NDArray[np.float64]:
    """``[N, D]``, ``[C, D]`` -> ``[N, C]``."""
    clips, centres = audio.astype(np.float64), means.astype(np.float64)
    products = clips @ centres.T
    lengths = (clips**2).sum(axis=1)[:, np.newaxis] + (centres**2).sum(axis=1)
    return np.maximum(lengths - 2 * products, 0)


# --- the guard --------------------------------------------------------------------------------------------------------


def _reason_before(audio: Array, classes: int, labelled: LabelledExamples | None) -> str | None:
    """Why clips cannot help each other at all, as a sentence; None where they may."""
    clips = len(audio) + (len(labelled.audio) if labelled else 0)
    if classes < 2:
        return "There is only one label, so the clips cannot help to choose. The words alone answer."
    if clips < max(classes, 2):
        return (
            f"{counted(clips, 'clip')} for {classes} labels: too few to help each other. Give at least one for each "
            "label. The words alone answer."
        )
    everything = np.concatenate([audio, labelled.audio]) if labelled else audio
    if float(np.ptp(everything, axis=0).max()) < ALIKE:
        return "All clips sound the same, so they cannot help each other. The words alone answer."
    return None


def _reason_after(alone: Array, found: Array) -> str | None:
    """Why the clips mislead rather than help: ``[N, C]``, ``[N, C]`` -> a sentence; None where they help."""
    before, after = alone.argmax(axis=-1), found.argmax(axis=-1)
    moved = int((before != after).sum())
    if moved > MAX_MOVED * len(alone):
        return (
            f"The clips would change {moved} of {len(alone)} answers, more than a third. They probably group by "
            "something other than these labels, so the words alone answer."
        )
    sizes = [np.bincount(names, minlength=alone.shape[1]) for names in (before, after)]
    won = int((sizes[1] - sizes[0]).max())
    if won > MAX_SWALLOWED * len(alone):
        return (
            f"One label would take over {won} of {len(alone)} clips from the others, so the words alone answer. "
            "Check that the labels tell your sounds apart."
        )
    return None


def _check(audio: Array, words: Array, labelled: LabelledExamples | None) -> None:
    """Raise a ValueError unless clips, words and labelled clips fit each other, as `name_together` takes them."""
    if words.ndim != 2 or 0 in words.shape:
        raise ValueError(f"words must be [classes, dim] and not empty, got shape {words.shape}")
    parts = [audio] if labelled is None else [audio, labelled.audio]
    for part in parts:
        if part.ndim != 2 or part.shape[1] != words.shape[1]:
            raise ValueError(f"clips must be [clips, {words.shape[1]}], got shape {part.shape}")
        if not np.isfinite(part).all():
            raise ValueError("an embedding has a number that is infinite or NaN: leave that clip out")
    if not len(audio):
        raise ValueError("there is no clip to name")
    if labelled and (
        labelled.targets.shape != labelled.audio.shape[:1]
        or ((labelled.targets < 0) | (labelled.targets >= len(words))).any()
    ):
        raise ValueError(f"targets must give one of {len(words)} classes for each labelled clip")
