"""Label a pool of recordings with as few labels as possible: what page and shell share."""

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audioprompt.core.active import (
    choose_next,
    class_weights,
    compare,
    doubts,
    expected_accuracy,
    sample,
    stops_paying,
)
from audioprompt.core.labels import LABEL_CHARACTERS, MAX_LABELS, LabelError, clean_label, label_key
from audioprompt.core.zero_shot import Array, ensemble_weights
from audioprompt.data import DataError, LabelledClips
from audioprompt.data.recordings import UNLABELLED
from audioprompt.prompts.template import Template
from audioprompt.services.classify import read_prompts
from audioprompt.services.words import read_labels
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

FIELDS = ("path", "classname")


@dataclass(eq=False)
class LabellingSession:
    """A pool of recordings, N, and the labels that a person has given so far.

    Attributes:
        model: what reads the labels.
        templates: in which labels are read.
        audio: embeddings of the recordings, ``[N, D]``.
        classes: the labels to give.
        given: the class of each labelled recording, an index into ``classes``, in the order they were labelled.
        skipped: recordings that nobody wants to label.
        estimates: after each label the share of the rest that would be named rightly, as is expected;
            None where there is no rest, or one class.
        known: whether the labels were there before the first one was given, so that it can be told what is in doubt.
    """

    model: "AudioTextModel"
    templates: Sequence[Template]
    audio: Array
    classes: list[str] = field(default_factory=list)
    given: dict[int, int] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    estimates: list[float | None] = field(default_factory=list)
    known: bool = field(init=False)

    def __post_init__(self) -> None:
        if not len(self.audio):
            raise DataError("There are no recordings to label. Give a folder or a zip file with some.")
        names, self.classes = self.classes, []
        for name in names:
            self._class_of(name)
        self.known = len(self.classes) > 1

    @property
    def targets(self) -> np.ndarray:
        """The classes of the labelled recordings, in their order."""
        return np.fromiter(self.given.values(), np.intp, len(self.given))

    def next(self) -> int | None:
        """Return the recording to label next; None where none is left."""
        asked = self._asked
        place = {clip: index for index, clip in enumerate(asked.tolist())}
        labelled, skipped = ([place[clip] for clip in some if clip in place] for some in (self.given, self.skipped))
        found = choose_next(self._alike, labelled, skipped, self._doubts() if self.known else None)
        return None if found is None else int(asked[found])

    def _doubts(self) -> Array:
        weights = class_weights(self._words(), self.audio[list(self.given)], self.targets)
        return doubts(self.audio[self._asked], weights, self.model.logit_scale)

    @cached_property
    def _asked(self) -> np.ndarray:
        return sample(len(self.audio))

    @cached_property
    def _alike(self) -> Array:
        return compare(self.audio[self._asked])

    def label(self, recording: int, name: str) -> None:
        """Give a recording a label, an old one or a new one.

        Raises:
            LabelError: the label is empty or too long, or there are too many of them.
        """
        self.given.pop(recording, None)
        self.given[recording] = self._class_of(name)
        self.skipped.discard(recording)
        self.estimates.append(self._estimate())

    def skip(self, recording: int) -> None:
        """Leave a recording out."""
        self.skipped.add(recording)

    def undo(self) -> int | None:
        """Take the last label back, and return its recording; None where there is none."""
        if not self.given:
            return None
        recording, _ = self.given.popitem()
        self.estimates = self.estimates[: len(self.given)]
        return recording

    def _words(self) -> Array:
        return ensemble_weights(
            read_prompts(self.model, self.templates, read_labels(self.model, self.classes).spoken)[1]
        )

    def _estimate(self) -> float | None:
        rest = np.setdiff1d(self._asked, list(self.given))
        if self._of_one_class or not len(rest):
            return None
        labelled = self.audio[list(self.given)]
        return expected_accuracy(self.audio[rest], self._words(), labelled, self.targets, self.model.logit_scale)

    @property
    def _of_one_class(self) -> bool:
        return len(set(self.given.values())) < 2

    def _class_of(self, name: str) -> int:
        name = clean_label(name)
        if not name or len(name) > LABEL_CHARACTERS:
            raise LabelError(f"A label has 1 to {LABEL_CHARACTERS} characters, not {len(name)}.")
        keys = [label_key(one) for one in self.classes]
        if label_key(name) in keys:
            return keys.index(label_key(name))
        if len(keys) == MAX_LABELS:
            raise LabelError(f"There are {MAX_LABELS} labels already, the most there can be.")
        self.classes.append(name)
        return len(keys)

    @property
    def progress(self) -> str:
        """Say how far the labels go, in a sentence or two."""
        done = f"{counted(len(self.given), 'label')} of {counted(len(self.audio), 'recording')}."
        estimate = self.estimates[-1] if self.estimates else None
        if self._of_one_class:
            return f"{done} An estimate of the accuracy needs labels of two classes."
        if estimate is None:
            return done
        said = f"{done} About {100 * estimate:.0f} % of the rest would be named rightly."
        if stops_paying(self.estimates, list(self.given.values())):
            return f"{said} The last labels have not raised it: more of them stop paying."
        return said


def embed_pool(
    model: "AudioTextModel",
    recordings: Sequence[Path],
    progress: Callable[[int, int], None] | None = None,
    skip_bad: bool = False,
) -> tuple[LabelledClips, Array]:
    """Embed recordings without labels, ``[N, D]``; the clips' remarks tell what was left out, silent ones always.

    Raises:
        BadRecordings: some cannot be used and are not to be left out.
        DataError: none can be used.
    """
    from audioprompt.data.embedding import embed_labelled
    from audioprompt.encoding.cache import EmbeddingCache
    from audioprompt.encoding.encoder import pooled

    clips = LabelledClips(tuple(recordings), ("",) * len(recordings), name=UNLABELLED)
    clips, embedded = embed_labelled(model, clips, progress, EmbeddingCache(), skip_bad)
    silent = {row: "is silent" for row, clip in enumerate(embedded) if clip.is_silent}
    if len(silent) == len(embedded):
        raise DataError("All recordings without labels are silent. Give others.")
    return clips.without(silent), pooled([clip for clip in embedded if not clip.is_silent])


def write_manifest(session: LabellingSession, recordings: Sequence[Path], manifest: Path) -> str:
    """Return the labels as a table of paths, relative to where the manifest is, and class names."""
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(FIELDS)
    for recording, target in session.given.items():
        path = os.path.relpath(recordings[recording], manifest.parent)
        table.writerow([Path(path).as_posix(), session.classes[target]])
    return lines.getvalue()


def take_up(session: LabellingSession, recordings: Sequence[Path], manifest: Path) -> int:
    """Give the labels that a manifest holds already, and return how many these are.

    Raises:
        DataError: it is no table of paths and class names.
    """
    place = {os.path.realpath(path): index for index, path in enumerate(recordings)}
    try:
        rows = list(csv.DictReader(io.StringIO(manifest.read_text("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{manifest} is not a manifest ({error}). Give another file to write.") from error
    if rows and not set(FIELDS) <= set(rows[0]):
        raise DataError(f"{manifest} has no columns path and classname. Give another file to write.")
    for row in rows:
        index = place.get(os.path.realpath(manifest.parent / (row["path"] or "")))
        if index is not None and row["classname"]:
            session.label(index, row["classname"])
    return len(session.given)
