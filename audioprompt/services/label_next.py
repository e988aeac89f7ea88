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
    PATIENCE,
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
from audioprompt.util import whole
from audioprompt.util.places import is_there
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

FIELDS = ("path", "classname")
FOLD = "fold"  # a column that a new label has nothing for


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
    _answered: dict[int, None] = field(default_factory=dict, repr=False)  # labelled or skipped, in their order

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

    def label(self, recording: int, name: str, estimated: bool = True) -> None:
        """Give a recording a label, an old one or a new one.

        Args:
            recording: which.
            name: the label.
            estimated: whether to estimate what the labels are worth by now, which takes a while with many of them.

        Raises:
            LabelError: the label is empty or too long, or there are too many of them.
        """
        target = self._class_of(name)
        self.given.pop(recording, None)
        self.given[recording] = target
        self.skipped.discard(recording)
        self._answer(recording)
        self.estimates[len(self.given) - 1 :] = [self._estimate() if estimated else None]

    def skip(self, recording: int) -> None:
        """Leave a recording out."""
        self.skipped.add(recording)
        self._answer(recording)

    def _answer(self, recording: int) -> None:
        self._answered.pop(recording, None)
        self._answered[recording] = None

    def undo(self) -> int | None:
        """Take the last label or skip back, and return its recording; None where there is none."""
        if not self._answered:
            return None
        recording, _ = self._answered.popitem()
        if recording in self.skipped:
            self.skipped.remove(recording)
            return recording
        del self.given[recording]
        self.estimates = self.estimates[: len(self.given)]
        if self.estimates and self.estimates[-1] is None:
            self.estimates[-1] = self._estimate()
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


class Manifest:
    """The table that the labels of a pool are written to, with what it held before.

    Lines of other recordings stay as they are, and so do further columns.

    Args:
        path: of the table; it need not be there yet.

    Attributes:
        recordings: the pool, once it was taken up.
        before: the lines of the pool, by recording.
        others: the other lines.

    Raises:
        DataError: it is not a table of paths and class names that labels can be added to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.titles, self.others = self._read() if is_there(path) else (FIELDS, [])
        self.recordings: Sequence[Path] = ()
        self.before: dict[int, dict[str, str]] = {}

    def _read(self) -> tuple[Sequence[str], list[dict[str, str]]]:
        advice = "Give another file to write."
        try:
            table = csv.DictReader(io.StringIO(self.path.read_text("utf-8-sig")))
            lines, titles = list(table), table.fieldnames or FIELDS
        except OSError as error:
            raise DataError(f"{self.path} cannot be read ({error.strerror}). {advice}") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{self.path} is not a manifest ({error}). {advice}") from error
        if not set(FIELDS) <= set(titles):
            raise DataError(f"{self.path} has no columns path and classname. {advice}")
        if FOLD in titles:
            raise DataError(f"{self.path} divides its recordings into folds, and a new label has none. {advice}")
        if any(None in line for line in lines):
            raise DataError(f"{self.path} has a line with more cells than columns. {advice}")
        return titles, lines

    def take_up(self, session: LabellingSession, recordings: Sequence[Path]) -> int:
        """Give the labels that the table holds of a pool already, and return how many these are."""
        self.recordings = recordings
        place = {os.path.realpath(recording): index for index, recording in enumerate(recordings)}
        lines, self.others = self.others, []
        for line in lines:
            index = place.get(os.path.realpath(self.path.parent / (line["path"] or "")))
            if index is None:
                self.others.append(line)
            else:
                self.before[index] = line
        labels = [(index, line["classname"]) for index, line in self.before.items() if line["classname"]]
        for number, (index, label) in enumerate(labels, 1):
            session.label(index, label, estimated=number + PATIENCE >= len(labels))
        return len(session.given)

    def write(self, session: LabellingSession) -> None:
        """Write the table with the labels of a session, the whole of it or nothing; new paths are relative to it.

        Raises:
            DataError: it cannot be written.
        """
        text = io.StringIO()
        table = csv.DictWriter(text, self.titles, lineterminator="\n")
        table.writeheader()
        table.writerows(self.others)
        for recording, target in session.given.items():
            path = Path(os.path.relpath(self.recordings[recording], self.path.parent)).as_posix()
            table.writerow({"path": path, **self.before.get(recording, {}), "classname": session.classes[target]})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole.written(self.path) as unfinished:
                unfinished.write_text(text.getvalue(), "utf-8")
        except OSError as error:
            raise DataError(f"{self.path} cannot be written ({error.strerror}). Give another file to write.") from error
