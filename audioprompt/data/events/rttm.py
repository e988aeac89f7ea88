"""Rich Transcription Time Marked: what tools of speaker diarisation read, with blanks between ten fields."""

from collections.abc import Sequence
from pathlib import PurePath

from audioprompt.core.timeline import Event
from audioprompt.data.events.base import EventFormat
from audioprompt.util.text import one_line


def write(events: Sequence[Event], recording: str) -> str:
    """Write a line for each event; blanks in names become underscores."""
    file = _field(PurePath(recording).stem)
    return "".join(
        f"SPEAKER {file} 1 {event.start:.3f} {event.end - event.start:.3f} <NA> <NA> {_field(event.label)}"
        f" {event.probability:.4f} <NA>\n"
        for event in events
    )


def _field(text: str) -> str:
    return "_".join(one_line(text).split()) or "<NA>"


RTTM = EventFormat(
    "rttm", "RTTM", "For tools of diarisation such as pyannote, labels in place of speakers.", ".rttm", write
)
