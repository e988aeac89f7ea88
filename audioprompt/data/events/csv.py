"""A table of events for spreadsheets, in which no text is taken for a formula."""

import csv
import io
from collections.abc import Sequence

from audioprompt.core.timeline import Event
from audioprompt.data.events.base import EventFormat
from audioprompt.prompts.formats.csv import defuse
from audioprompt.util.text import one_line

COLUMNS = ("file", "start", "end", "label", "probability")


def write(events: Sequence[Event], recording: str) -> str:
    """Write a table, with the recording's name in each row so that tables can be put together."""
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    for event in events:
        label, probability = defuse(one_line(event.label)), round(float(event.probability), 6)
        writer.writerow([defuse(recording), event.start, event.end, label, probability])
    return table.getvalue()


CSV = EventFormat("csv", "Table", "A table for spreadsheets and pandas, an event a row.", ".csv", write)
