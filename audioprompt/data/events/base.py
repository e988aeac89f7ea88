"""What a form of events is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audioprompt.core.timeline import Event
from audioprompt.errors import AudiopromptError


class EventFormatError(AudiopromptError, LookupError):
    """There is no such form of events; the message lists those that there are."""


@dataclass(frozen=True)
class EventFormat:
    """A form in which other programs read what is heard when.

    Attributes:
        name: what people call it in commands and in the API: "raven".
        title: what pages call it: "Raven selection table".
        description: one line on what it is for.
        suffix: what the name of its files ends with.
        write: writes the events of a recording, which is given by its name.
    """

    name: str
    title: str
    description: str
    suffix: str
    write: Callable[[Sequence[Event], str], str]
