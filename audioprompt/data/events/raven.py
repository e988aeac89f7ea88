"""Selection tables of Raven: a heading and a row for each event, with tabs between the columns."""

from collections.abc import Sequence

from audioprompt.core.timeline import Event
from audioprompt.data.events.base import EventFormat
from audioprompt.util.text import one_line

COLUMNS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Label",
    "Score",
)
LOW, HIGH = 0, 8_000  # Hz: a selection has a frequency range, an event has none


def write(events: Sequence[Event], recording: str) -> str:
    """Write a selection table."""
    rows = [
        (
            *(number, "Spectrogram 1", 1, f"{event.start:.6f}", f"{event.end:.6f}", LOW, HIGH),
            *(one_line(event.label), f"{event.probability:.4f}"),
        )
        for number, event in enumerate(events, 1)
    ]
    return "".join("\t".join(map(str, row)) + "\n" for row in (COLUMNS, *rows))


RAVEN = EventFormat(
    "raven", "Raven selection table", "A selection table for Raven Lite and Pro.", ".selections.txt", write
)
