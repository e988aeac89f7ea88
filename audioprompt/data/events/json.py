"""Events as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from audioprompt.core.timeline import Event
from audioprompt.data.events.base import EventFormat


def write(events: Sequence[Event], recording: str) -> str:
    """Write an object with the recording's name and its events."""
    return json.dumps({"file": recording, "events": [asdict(event) for event in events]}, indent=2) + "\n"


JSON = EventFormat("json", "JSON", "Start, end, label and probability of each event, for programs.", ".json", write)
