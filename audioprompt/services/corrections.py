"""Events that a person corrects, and what becomes of them: a part of the recording to hear, or a labelled clip."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import soundfile

from audioprompt.audio.decode import read
from audioprompt.audio.recording import AudioSource, Recording
from audioprompt.core.labels import LABEL_CHARACTERS
from audioprompt.core.timeline import Event
from audioprompt.errors import AudiopromptError
from audioprompt.services.collection import Collection
from audioprompt.util.text import one_line

MAX_EVENTS = 2_000  # in a table that a person corrects
MAX_CLIPS = 200  # added to others at once


class CorrectionError(AudiopromptError, ValueError):
    """A row is no event; the message says which and why."""


def list_rows(events: Iterable[Event]) -> list[list[Any]]:
    """Write events as rows to be corrected: start, end, label, probability."""
    return [[round(event.start, 2), round(event.end, 2), event.label, round(event.probability, 2)] for event in events]


def read_rows(rows: Sequence[Sequence[Any]], seconds: float) -> list[Event]:
    """Read the rows as a person left them, in their order; those without a label are deleted.

    Raises:
        CorrectionError: a row is no event of a recording that lasts so long.
    """
    if len(rows) > MAX_EVENTS:
        raise CorrectionError(f"{len(rows)} events are too many: keep at most {MAX_EVENTS:,}.")
    return [_read_row(number, row, seconds) for number, row in enumerate(rows, 1) if _label_of(row)]


def cut(source: AudioSource, event: Event) -> Recording:
    """Return the part of a recording in which an event is heard.

    Raises:
        AudioError: the recording cannot be read.
    """
    whole = read(source)
    first, last = (round(time * whole.sample_rate) for time in (event.start, event.end))
    return Recording(whole.sample_rate, whole.samples[first : max(last, first + 1)], whole.name)


def write_clips(source: AudioSource, name: str, events: Sequence[Event], folder: Path) -> list[Path]:
    """Write each event as a clip into a folder.

    Raises:
        AudioError: the recording cannot be read.
        CorrectionError: there are no events, or too many.
    """
    if not 0 < len(events) <= MAX_CLIPS:
        raise CorrectionError(f"Keep 1 to {MAX_CLIPS} events to add them; there are {len(events)}.")
    whole, files = read(source), []
    for number, event in enumerate(events, 1):
        files.append(folder / f"{Path(name).stem[:80]}-{number}-{event.start:.2f}.wav")
        part = cut(whole, event)
        soundfile.write(files[-1], part.samples, part.sample_rate)
    return files


def add_clips(collection: Collection, files: Sequence[Path], events: Sequence[Event]) -> None:
    """Add clips of events to those that are gathered to learn from, each under its label.

    Raises:
        AudioError: a clip cannot be heard.
        LabelError: a label cannot be the name of a class.
    """
    for file, event in zip(files, events, strict=True):
        kept, problems = collection.keep([file])
        if problems:
            raise problems[0]
        collection.put(event.label, kept)


def _label_of(row: Sequence[Any]) -> str:
    return one_line(str(row[2])) if len(row) > 2 and row[2] is not None else ""


def _read_row(number: int, row: Sequence[Any], seconds: float) -> Event:
    label = _label_of(row)
    try:
        start, end = float(row[0]), float(row[1])
        probability = float(row[3]) if len(row) > 3 and row[3] not in (None, "") else 1.0
    except (TypeError, ValueError):
        raise CorrectionError(f"Event {number} ({label}): start and end must be seconds, such as 3.5.") from None
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end):
        raise CorrectionError(f"Event {number} ({label}): the end must come after the start.")
    if start >= seconds:
        raise CorrectionError(f"Event {number} ({label}) starts after the end of the recording ({seconds:.1f} s).")
    if len(label) > LABEL_CHARACTERS:
        raise CorrectionError(f"Event {number}: a label has at most {LABEL_CHARACTERS} characters.")
    return Event(start, min(end, seconds), label, probability if 0 <= probability <= 1 else 1.0)
