"""Labelled clips as a model hears them, and which of them are held back for a test."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from audioprompt.core.zero_shot import Array
from audioprompt.data import DataError, LabelledClips, refuse_classes_alike, split
from audioprompt.data.embedding import embed_labelled
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import Progress, pooled
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel
from audioprompt.util.text import named

MIN_TO_DIVIDE = 3  # recordings of each class; with fewer, nothing is held back for a test
SHARE_LEARNED = 0.6  # of the clips, where no folds say what to learn from


@dataclass(frozen=True, eq=False)
class EmbeddedClips:
    """Labelled clips and what a model hears in them.

    Attributes:
        clips: N of them.
        audio: their embeddings, ``[N, D]``.
        unlabelled: those of recordings without labels that join them, ``[U, D]``; None for none.
    """

    clips: LabelledClips
    audio: Array
    unlabelled: Array | None = None

    def take(self, rows: Sequence[int]) -> "EmbeddedClips":
        """Return some of the clips, by their positions."""
        return replace(self, clips=self.clips.take(rows), audio=self.audio[rows])


def embed_clips(
    model: AudioTextModel, clips: LabelledClips, progress: Progress | None = None, skip_bad: bool = False
) -> EmbeddedClips:
    """Embed labelled clips, each recording once and for all. Silent ones teach nothing and are left out.

    Args:
        model: what hears.
        clips: which.
        progress: told how many are done.
        skip_bad: leave out recordings that cannot be used, and those that are in two classes.

    Raises:
        FewShotError: there is nothing to be told apart, a class has no clip or only silent ones, or one recording is
            in two classes.
        DataError: the names of two classes are spoken alike.
        BadRecordings: clips cannot be used.
    """
    refuse_unusable(clips)
    clips, embedded = embed_labelled(model, clips, progress, EmbeddingCache(), skip_bad)
    if silent := {row: "is silent" for row, clip in enumerate(embedded) if clip.is_silent}:
        audible = clips.without(silent)
        if mute := [name for name in clips.classes if name not in audible.labels]:
            raise FewShotError(f"all clips of {named(mute)} are silent: record it again, or leave the class out")
        clips, embedded = audible, [clip for clip in embedded if not clip.is_silent]
    heard = EmbeddedClips(clips, pooled(embedded))
    if contradictory := _in_two_classes(heard):
        if not skip_bad:
            listed = "; ".join(f"{clips.name_of(row)} {reason}" for row, reason in list(contradictory.items())[:10])
            raise FewShotError(f"some recordings are in two classes: {listed}. Leave one of each pair out")
        rows = [row for row in range(len(clips)) if row not in contradictory]
        heard = EmbeddedClips(clips.without(contradictory), heard.audio[rows])
    refuse_unusable(heard.clips)
    return heard


def _in_two_classes(heard: EmbeddedClips) -> dict[int, str]:
    """Return what is wrong with clips that are the same sound as one of another class, by their positions."""
    clips, first, found = heard.clips, dict[bytes, int](), dict[int, str]()
    for row, vector in enumerate(heard.audio):
        other = first.setdefault(vector.tobytes(), row)
        for one, twin in ((row, other), (other, row)):
            if clips.labels[one] != clips.labels[twin]:
                found[one] = f"is the same sound as {clips.name_of(twin)}, but labelled {clips.labels[one]}"
    return dict(sorted(found.items()))


def refuse_unusable(clips: LabelledClips) -> None:
    """Refuse clips that no head could learn from, whatever is heard in them.

    Raises:
        FewShotError: there is only one class, or a class has no clip.
        DataError: the names of two classes are spoken alike.
    """
    if len(clips.classes) < 2:
        raise FewShotError("there is nothing to tell apart: give clips of at least two classes")
    refuse_classes_alike(clips)
    counts = Counter(clips.labels)
    if missing := [name for name in clips.classes if not counts[name]]:
        left_out = f". {clips.remarks[-1]}" if clips.left_out else ""
        raise FewShotError(f"there is no clip of {named(missing)}: add one, or leave the class out{left_out}")


def hold_back(
    clips: LabelledClips, learn_folds: Collection[int] | None = None, test_folds: Collection[int] | None = None
) -> tuple[LabelledClips, LabelledClips | None]:
    """Divide clips into those to learn from and those that give a score, None where there are too few for that.

    No source recording is in both.

    Args:
        clips: all of them.
        learn_folds: those to learn from; None divides by chance, each class alike, if every class has three recordings.
        test_folds: those that give the score; None for all others.

    Raises:
        DataError: the folds do not exist, overlap, are all there are, or cut through a source recording.
    """
    if learn_folds is None:
        recordings = set(zip(clips.labels, clips.groups, strict=True))
        each = Counter(label for label, _ in recordings)
        if min(each[name] for name in clips.classes) < MIN_TO_DIVIDE:
            return clips, None
    elif test_folds is not None:
        if both := sorted(set(learn_folds) & set(test_folds)):
            raise DataError(f"fold {both[0]} is both to learn from and to test on: choose one of the two")
        clips = clips.in_folds({*learn_folds, *test_folds})
    return split(clips, SHARE_LEARNED, learn_folds)
