"""What is heard when, in the forms that other programs read: one file for each form.

    >>> print(EVENT_FORMATS["audacity"].write([Event(0.5, 2.0, "dog bark")], "night.wav"), end="")
    0.500000	2.000000	dog bark
    >>> format_of("night.csv").name
    'csv'

To add a form here, write a file with an `EventFormat` and add it to ``EVENT_FORMATS``. To add one from another package,
name it there as an entry point of the group ``audioprompt.event_formats``.
"""

from pathlib import PurePath

from audioprompt.core.timeline import Event as Event
from audioprompt.data.events.audacity import AUDACITY
from audioprompt.data.events.base import EventFormat as EventFormat
from audioprompt.data.events.base import EventFormatError as EventFormatError
from audioprompt.data.events.csv import CSV
from audioprompt.data.events.json import JSON
from audioprompt.data.events.raven import RAVEN
from audioprompt.data.events.rttm import RTTM
from audioprompt.util.registry import Registry

EVENT_FORMATS = Registry(
    "form of events", "audioprompt.event_formats", EventFormat, (AUDACITY, RAVEN, CSV, JSON, RTTM), EventFormatError
)


def format_of(name: str) -> EventFormat:
    """Return the form that the name of a file asks for by its ending, the longest that fits.

    Raises:
        EventFormatError: none does.
    """
    ending = PurePath(name).name.lower()
    fitting = [form for form in EVENT_FORMATS if ending.endswith(form.suffix)]
    if not fitting:
        raise EventFormatError(
            f"{PurePath(name).name} ends in none of {', '.join(form.suffix for form in EVENT_FORMATS)}:"
            " choose another name, or say the form."
        )
    return max(fitting, key=lambda form: len(form.suffix))
