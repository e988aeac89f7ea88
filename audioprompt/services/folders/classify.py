"""Recordings in any number, classified one after the other: a row for each, whatever becomes of it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audioprompt.audio.decode import SHORTEST_SECONDS
from audioprompt.core.zero_shot import Array, cosines, ensemble_weights, softmax
from audioprompt.data.recordings import FoundFile
from audioprompt.prompts.template import Template
from audioprompt.services.classify import alike_labels, say_words
from audioprompt.services.folders.journal import Journal
from audioprompt.services.prompts import read_prompts
from audioprompt.services.rejection import Recogniser, recognise_by_words
from audioprompt.services.words import ReadLabels, read_labels

if TYPE_CHECKING:
    from audioprompt.encoding.encoder import EmbeddedClip
    from audioprompt.encoding.stream import Heard, Look
    from audioprompt.models.base import AudioTextModel

ENDING = ".journal"  # of the file beside the results that remembers what was heard


@dataclass(frozen=True)
class Row:
    """What is heard in one recording, or why nothing is.

    Attributes:
        file: its name.
        seconds: how long it is.
        answer: the ensemble's label.
        probability: of it, of the labels given.
        known: whether the recording is any of the labels; None where that cannot be judged.
        start: where the answer is heard most clearly, in seconds.
        end: of that window.
        vanilla: the plain prompt's label.
        heard: the labels that are heard anywhere in it, where several may be, the likeliest first.
        notes: what people should know of the recording.
        error: why it cannot be classified.
    """

    file: str
    seconds: float | None = None
    answer: str = ""
    probability: float | None = None
    known: bool | None = None
    start: float | None = None
    end: float | None = None
    vanilla: str = ""
    heard: tuple[str, ...] = ()
    notes: str = ""
    error: str = ""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of each recording.

    Attributes:
        model: what hears and reads.
        labels: to choose between, C.
        templates: of the ensemble, K.
    """

    model: "AudioTextModel"
    labels: Sequence[str]
    templates: Sequence[Template]

    def as_dict(self) -> dict[str, Any]:
        """Write all that an answer depends on."""
        return {
            "labels": list(self.labels),
            "templates": [template.text for template in self.templates],
            "model": self.model.name,
            "revision": self.model.revision,
        }

    def read(self) -> None:
        """Read all there is to read; from then on the model only has to hear."""
        self._words, self._recogniser  # noqa: B018, they stay

    @property
    def warnings(self) -> list[str]:
        """Sentences on labels that the model does not know, cannot tell apart, or reads in English."""
        plain, ensemble = self._words
        return say_words(self._read, alike_labels(self.labels, plain[np.newaxis], ensemble[np.newaxis]))

    @cached_property
    def _read(self) -> ReadLabels:
        return read_labels(self.model, self.labels)

    @cached_property
    def _words(self) -> tuple[Array, Array]:
        """Class weights of the plain prompt and of the ensemble, ``[C, D]``."""
        plain, ensemble = read_prompts(self.model, self.templates, self._read.spoken)
        return plain[0], ensemble_weights(ensemble)

    @cached_property
    def _recogniser(self) -> Recogniser | None:
        return recognise_by_words(self.model, self._words[1], self.labels)

    def answers(self, some: Sequence["Heard[FoundFile]"]) -> list[Row]:
        """Answer for some recordings: for several it takes hardly longer than for one."""
        errors = [why_unusable(one) for one in some]
        usable = [(one, one.clip) for one, error in zip(some, errors, strict=True) if one.clip and not error]
        answered = self._answer(*zip(*usable, strict=True)) if usable else iter(())
        return [
            Row(one.file.name, round(one.clip.seconds, 3) if one.clip else None, error=error)
            if error
            else next(answered)
            for one, error in zip(some, errors, strict=True)
        ]

    def _answer(self, some: Sequence["Heard[FoundFile]"], clips: Sequence["EmbeddedClip"]) -> Iterator[Row]:
        plain, words = self._words
        # A product for each clip: to the last digit, its probability does not depend on the others beside it.
        vanilla, near = (
            np.concatenate([cosines(clip.pooled[np.newaxis], weights) for clip in clips]) for weights in (plain, words)
        )
        chances = softmax(self.model.logit_scale * near)
        best = chances.argmax(axis=-1)
        answers = zip(
            some, clips, best, chances.max(axis=-1), vanilla.argmax(axis=-1), *self._recognise(clips), strict=True
        )
        for one, clip, label, chance, plainly, known, heard in answers:
            yield Row(
                one.file.name,
                round(clip.seconds, 3),
                self.labels[label],
                round(float(chance), 6),
                known,
                *self._clearest(clip, words, label),
                self.labels[plainly],
                heard,
                " ".join(one.notices),
            )

    def _recognise(self, clips: Sequence["EmbeddedClip"]) -> tuple[Sequence[bool | None], Sequence[tuple[str, ...]]]:
        """Return whether each clip is any of the labels, and those that are heard in it, the likeliest first."""
        judging = self._recogniser
        if judging is None:
            return [None] * len(clips), [()] * len(clips)
        presences = judging.judge_each_of([clip.heard for clip in clips], self.labels)
        as_a_whole = np.array([likeliest.score for likeliest, *_ in presences])  # where a clip is one window
        if several := [number for number, clip in enumerate(clips) if len(clip.heard) > 1]:
            as_a_whole[several] = judging.scores(np.stack([clips[number].pooled for number in several]))
        heard = [tuple(one.label for one in found if one.heard) for found in presences]
        return (as_a_whole >= judging.threshold).tolist(), heard

    def _clearest(self, clip: "EmbeddedClip", words: Array, label: int) -> tuple[float, float]:
        """Return the window in which a label is likeliest, in seconds."""
        at = 0
        if len(clip.windows) > 1:
            likely = softmax(self.model.logit_scale * cosines(clip.windows, words))[:, label]
            at = int(np.where(clip.silent, -1, likely).argmax())
        start = float(clip.starts[at])
        return round(start, 3), round(min(start + self.model.window_seconds, clip.seconds), 3)


def why_unusable(heard: "Heard[FoundFile]") -> str:
    """Say why there is nothing to name or to find in a recording; empty where there is something."""
    name, clip = heard.file.name, heard.clip
    if clip is None:
        return heard.error or ""
    if clip.is_silent:
        return f"{name} is silent, so there is nothing to name."
    if clip.seconds < SHORTEST_SECONDS:
        return f"{name} is shorter than {SHORTEST_SECONDS:g} seconds, so there is nothing to name."
    return ""


def classify_files(
    question: Question, files: Iterable[FoundFile], look: "Look[FoundFile]" = len
) -> Iterator[tuple[FoundFile, Row]]:
    """Classify recordings, several at once.

    Args:
        question: what is asked of each.
        files: the recordings.
        look: told again and again what is under way, as by `stream_clips`; whatever it raises ends the work.

    Yields:
        Each with its row once it is done, not always in their order.
    """
    from audioprompt.encoding.stream import stream_several

    question.read()
    with closing(stream_several(question.model, files, look)) as stream:
        for some in stream:
            yield from zip((heard.file for heard in some), question.answers(some), strict=True)


def missing(journal: Journal, files: Sequence[FoundFile]) -> list[FoundFile]:
    """Return the recordings that a journal has no answer for, whose content has changed, or that could not be read."""
    return [file for file in files if journal.marks(file.name) != _marks(file, True)]


def note(journal: Journal, file: FoundFile, row: Row) -> None:
    """Write a row into a journal.

    Raises:
        JournalError: it cannot be written.
    """
    journal.add(file.name, _marks(file, row.seconds is not None), asdict(row))


def rows_of(journal: Journal, files: Iterable[FoundFile]) -> Iterator[Row]:
    """Yield the rows of recordings, in their order, one at a time."""
    for file in files:
        if journal.marks(file.name) is not None:
            answer = journal.answer(file.name)
            yield Row(**{**answer, "heard": tuple(answer["heard"])})


def journal_beside(results: Path) -> Path:
    """Return where it is remembered what was heard for a table of results."""
    return results.with_name(f".{results.name}{ENDING}")


def _marks(file: FoundFile, good: bool) -> dict[str, Any]:
    return {"version": list(file.version), "good": good}
