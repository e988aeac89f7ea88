"""Label tracks of Audacity: a line for each event, its start, its end and its label between tabs."""

from collections.abc import Sequence

from audioprompt.core.timeline import Event
from audioprompt.data.events.base import EventFormat
from audioprompt.util.text import one_line


def write(events: Sequence[Event], recording: str) -> str:
    """Write a label track; it has no place for probabilities."""
    return "".join(f"{event.start:.6f}\t{event.end:.6f}\t{one_line(event.label)}\n" for event in events)


AUDACITY = EventFormat(
    "audacity", "Audacity labels", "A label track for Audacity (File, Import, Labels).", ".txt", write
)
