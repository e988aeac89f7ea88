"""None of these: whether what is heard is any of the labels, in Classify, live, in the shell and for callers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.rejection import (
    HEARD,
    KNOWN,
    MIN_BACKGROUND,
    MIN_LEFT_OUT,
    choose_background,
    class_means,
    known_scores,
    known_scores_with_clips,
    label_scores,
    leave_one_out_scores,
    threshold_refusing,
)
from audioprompt.core.zero_shot import Array
from audioprompt.models.background import background_names
from audioprompt.prompts.template import BARE_NAME, VANILLA
from audioprompt.services.prompts import PROMPTS

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Head
    from audioprompt.models.base import AudioTextModel

MEANS, THRESHOLD = "known.means", "known.threshold"  # in a head's state: [C, D], and [1]


@dataclass(frozen=True)
class Verdict:
    """Whether a clip is any of the labels.

    Attributes:
        known: whether it is.
        score: how much it is like the label that fits best, in standard deviations above the best of all other names.
        threshold: the score from which on it is known.
    """

    known: bool
    score: float
    threshold: float

    def words(self, closest: str) -> str:
        """Return what stands in the place of the label that was chosen."""
        return closest if self.known else f"none of these (closest: {closest})"

    def sentence(self, closest: str) -> str:
        """Tell that it is none of the labels, or which one it is."""
        return f"It is {closest}." if self.known else f"None of these (closest: {closest})."


@dataclass(frozen=True)
class Presence:
    """Whether one label is heard, where several may be.

    Attributes:
        label: which.
        heard: whether it is.
        score: how much the recording is like the label where it is most so, in the units of `Verdict.score`.
    """

    label: str
    heard: bool
    score: float


@dataclass(frozen=True, eq=False)
class Recogniser:
    """What it takes to notice that a clip is none of the labels.

    Attributes:
        words: class weights, ``[C, D]``.
        background: embeddings of names that say something else, ``[B, D]``.
        threshold: the score from which on a clip is known.
        means: the mean clip of each class that a head learned from, ``[C, D]``; None without such.
    """

    words: Array
    background: Array
    threshold: float = KNOWN
    means: Array | None = None

    def judge(self, clip: Array) -> Verdict:
        """Judge whether a clip is any of the labels: ``[D]``."""
        clips = clip[np.newaxis]
        if self.means is None:
            score = float(known_scores(clips, self.words, self.background)[0])
        else:
            score = float(known_scores_with_clips(clips, self.words, self.means, self.background)[0])
        return Verdict(score >= self.threshold, score, self.threshold)

    def judge_each(
        self, windows: Array, labels: Sequence[str], threshold: float | Sequence[float] = HEARD
    ) -> tuple[Presence, ...]:
        """Judge which labels are heard anywhere in a recording, by their words; the likeliest first.

        Args:
            windows: what is heard in each part, ``[W, D]``.
            labels: the C labels.
            threshold: the score from which on a label is heard, one for all or C of them.
        """
        scores = label_scores(windows, self.words, self.background).max(axis=0)
        heard = scores >= np.broadcast_to(np.asarray(threshold, np.float32), scores.shape)
        order = np.argsort(-scores, kind="stable")
        return tuple(Presence(labels[at], bool(heard[at]), float(scores[at])) for at in order)


def recognise_by_words(model: "AudioTextModel", words: Array) -> Recogniser | None:
    """Return what notices that a clip is none of the labels; None where the model knows too few other names.

    Args:
        model: what reads the names of the background, once.
        words: class weights of the labels, ``[C, D]``.
    """
    names = PROMPTS.get(model, [BARE_NAME], background_names(model))[0]
    background = choose_background(names, words)
    return Recogniser(words, background) if len(background) >= MIN_BACKGROUND else None


def recognise_by_head(model: "AudioTextModel", head: "Head") -> Recogniser | None:
    """Return what notices that a clip is none of a head's classes, by the distance to its clips where it noted that."""
    found = recognise_by_words(model, _words_of(model, head))
    if found is None or THRESHOLD not in head.state:
        return found
    return Recogniser(found.words, found.background, float(head.state[THRESHOLD][0]), head.state[MEANS])


def note_clips(model: "AudioTextModel", head: "Head", audio: Array, targets: NDArray[np.intp]) -> None:
    """Note in a head what its clips are like, so that it can tell when it hears something else.

    The threshold refuses 5 % of these clips, each judged by the others. A head that learned from fewer than eight such
    clips goes by the words alone.

    Args:
        model: what heard the clips.
        head: fitted on them.
        audio: their embeddings, ``[N, D]``.
        targets: the class of each, ``[N]``.
    """
    found = recognise_by_words(model, _words_of(model, head))
    if found is None:
        return
    scores = leave_one_out_scores(audio, targets, found.words, found.background)
    if len(scores) >= MIN_LEFT_OUT:
        threshold = np.array([threshold_refusing(scores)], np.float32)
        head.state = {**head.state, MEANS: class_means(audio, targets, len(head.classes)), THRESHOLD: threshold}


def _words_of(model: "AudioTextModel", head: "Head") -> Array:
    return PROMPTS.get(model, [VANILLA], head.classes)[0]
