"""None of these: whether what is heard is any of the labels, in Classify, live, in the shell and for callers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.dictionary import translate_script
from audioprompt.core.rejection import (
    HEARD,
    KNOWN,
    MIN_LEFT_OUT,
    Background,
    choose_around,
    class_means,
    known_scores,
    label_scores,
    leave_one_out_scores,
    presence_probabilities,
    threshold_between,
    threshold_refusing,
)
from audioprompt.core.timeline import smooth
from audioprompt.core.zero_shot import Array, cosines
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.background import background_names, names_meant
from audioprompt.prompts.template import BARE_NAME, VANILLA
from audioprompt.services.prompts import PROMPTS
from audioprompt.services.words import read_labels
from audioprompt.util.lru import Recent
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Head
    from audioprompt.models.base import AudioTextModel

REVIEWED = 10  # clips
SAME = 0.7  # cosine of two texts from which on they say the same
AT_ONCE = 1_000  # frames or windows: bounds the memory a long recording takes
RECOGNISERS_KEPT = 8  # of a megabyte each, for a microphone asks twice a second
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
        background: what else a model can name.
        threshold: the score from which on a clip is known.
        means: the mean clip of each class that a head learned from, ``[C, D]``; None without such.
    """

    words: Array
    background: Background
    threshold: float = KNOWN
    means: Array | None = None

    def judge(self, clip: Array) -> Verdict:
        """Judge whether a clip is any of the labels: ``[D]``."""
        score = float(self.scores(clip[np.newaxis])[0])
        return Verdict(score >= self.threshold, score, self.threshold)

    def scores(self, clips: Array) -> Array:
        """Score how much each clip is like any of the labels: ``[N, D]`` -> ``[N]``."""
        return known_scores(clips, self.words, self.background, self.means)

    def judge_each(
        self, windows: Array, labels: Sequence[str], threshold: float | Sequence[float] = HEARD
    ) -> tuple[Presence, ...]:
        """Judge which labels are heard anywhere in a recording, as `judge_each_of` does: ``[W, D]``."""
        return self.judge_each_of([windows], labels, threshold)[0]

    def judge_each_of(
        self, clips: Sequence[Array], labels: Sequence[str], threshold: float | Sequence[float] = HEARD
    ) -> list[tuple[Presence, ...]]:
        """Judge which labels are heard anywhere in each of some recordings, by their words; the likeliest first.

        Args:
            clips: what is heard in each part of each, ``[W, D]``.
            labels: the C labels.
            threshold: the score from which on a label is heard, one for all or C of them.
        """
        windows = np.concatenate(clips)
        scores = np.concatenate([label_scores(part, self.words, self.background) for part in _parts(windows)])
        highest = np.maximum.reduceat(scores, np.cumsum([0, *map(len, clips[:-1])]))
        heard = highest >= np.broadcast_to(np.asarray(threshold, np.float32), highest.shape)
        order = np.argsort(-highest, axis=-1, kind="stable")
        return [
            tuple(Presence(labels[at], bool(known[at]), float(score[at])) for at in best)
            for score, known, best in zip(highest, heard, order, strict=True)
        ]

    def hear_each(self, frames: Array, heard: NDArray[np.bool_], step: float) -> Array:
        """Return how likely each label is heard from moment to moment.

        Args:
            frames: what is heard in each, ``[F, D]``.
            heard: in which there is anything to hear, ``[F]``.
            step: seconds from one to the next.

        Returns:
            ``[F, C]``.
        """
        scores = [label_scores(part, self.words, self.background, self.means) for part in _parts(frames)]
        return presence_probabilities(smooth(np.concatenate(scores), heard, step), self.threshold)


def _parts(vectors: Array) -> Iterator[Array]:
    """Yield ``[N, D]`` in parts of ``AT_ONCE``."""
    for start in range(0, len(vectors), AT_ONCE):
        yield vectors[start : start + AT_ONCE]


def recognise_by_words(model: "AudioTextModel", words: Array, labels: Sequence[str]) -> Recogniser | None:
    """Return what notices that a clip is none of the labels; None where the model knows too few other names.

    Args:
        model: what reads the names of the background, once.
        words: class weights of the labels, ``[C, D]``.
        labels: C of them.
    """
    others = background_names(model)
    key = (model.name, model.revision, others, tuple(labels), words.tobytes())
    if (found := _BY_WORDS.get(key)) is None:
        names = PROMPTS.get(model, [BARE_NAME], others)[0]
        found = _BY_WORDS.put(key, Recogniser(words, Background(names, find_kinds(model, labels))))
    return found if found.background.enough else None


_BY_WORDS: Recent[Recogniser] = Recent(RECOGNISERS_KEPT)


def find_kinds(model: "AudioTextModel", labels: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which names of the background are what a label says or a kind of it: C labels, B names -> ``[C, B]``.

    What a label says is what lies nearest to it in the model's own text space, if that is near enough.
    """
    names = background_names(model)
    meant = names_meant(names)
    spoken = [translate_script(label) or label for label in read_labels(model, labels).spoken]
    sayings, kinds = zip(*meant.items(), strict=True)
    near = cosines(*(PROMPTS.get(model, [BARE_NAME], texts)[0] for texts in (spoken, sayings)))
    found = np.array([[name in kinds[at] for name in names] for at in near.argmax(axis=-1)], np.bool_)
    return found & (near.max(axis=-1, keepdims=True) >= SAME)


def recognise_by_head(model: "AudioTextModel", head: "Head") -> Recogniser | None:
    """Return what notices that a clip is none of a head's classes, by the distance to its clips where it noted that.

    Raises:
        FewShotError: what it noted does not fit its classes.
    """
    found = recognise_by_words(model, _words_of(model, head), head.classes)
    if found is None or THRESHOLD not in head.state:
        return found
    threshold, means = head.state[THRESHOLD], head.state.get(MEANS)
    if threshold.shape != (1,) or (means is not None and means.shape != found.words.shape):
        raise FewShotError("What this head notes of its clips does not fit its classes: fit it again.")
    return replace(found, threshold=float(threshold[0]), means=means)


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
    found = recognise_by_words(model, _words_of(model, head), head.classes)
    if found is None:
        return
    scores = leave_one_out_scores(audio, targets, found.words, found.background)
    if len(scores) >= MIN_LEFT_OUT:
        threshold = np.array([threshold_refusing(scores)], np.float32)
        head.state = {**head.state, MEANS: class_means(audio, targets, len(head.classes)), THRESHOLD: threshold}


def _words_of(model: "AudioTextModel", head: "Head") -> Array:
    return PROMPTS.get(model, [VANILLA], read_labels(model, head.classes).spoken)[0]


# --- the review of a few clips ----------------------------------------------------------------------------------------


@dataclass(eq=False)
class Review:
    """Clips around the threshold of a head, of which a person says whether they are any of its classes.

    Attributes:
        head: which; its threshold is moved.
        recogniser: what judged the clips before.
        scores: of all clips that there are, ``[N]``.
        asked: those that are reviewed, in their order.
        said: whether each is any of the classes, as far as that was said.
    """

    head: "Head"
    recogniser: Recogniser
    scores: Array
    asked: tuple[int, ...]
    said: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def begin(cls, model: "AudioTextModel", head: "Head", audio: Array) -> "Review":
        """Choose the clips that tell most: those around the threshold, on either side of it; ``[N, D]``.

        Raises:
            FewShotError: the model knows too few names to tell what is none of the classes.
        """
        recogniser = recognise_by_head(model, head)
        if recogniser is None:
            raise FewShotError("This model knows too few other names to tell what is none of the labels.")
        scores = recogniser.scores(audio)
        return cls(head, recogniser, scores, tuple(choose_around(scores, recogniser.threshold, REVIEWED).tolist()))

    @property
    def next(self) -> int | None:
        """The clip to ask about; None where all are answered."""
        return next((clip for clip in self.asked if clip not in self.said), None)

    def say(self, clip: int, known: bool) -> None:
        """Take an answer; the last one moves the head's threshold."""
        self.said[clip] = known
        if self.next is None:
            self.head.state = {**self.head.state, THRESHOLD: np.array([self.threshold], np.float32)}

    @property
    def threshold(self) -> float:
        """The threshold that agrees with most of what was said."""
        sides = [[clip for clip, known in self.said.items() if known is side] for side in (True, False)]
        known, unknown = (self.scores[np.array(side, np.intp)] for side in sides)
        return threshold_between(known, unknown)

    @property
    def words(self) -> str:
        """How far the review is, or what came of it, in sentences."""
        if self.next is not None:
            return f"Clip {len(self.said) + 1} of {len(self.asked)}. Is it any of the sounds that the head knows?"
        right = sum((self.scores[clip] >= self.threshold) == known for clip, known in self.said.items())
        return (
            f"A clip is now none of these below a score of {self.threshold:+.1f}; before, it was "
            f"{self.recogniser.threshold:+.1f}. {counted(int(right), 'answer')} of {len(self.said)} agree with that."
        )
