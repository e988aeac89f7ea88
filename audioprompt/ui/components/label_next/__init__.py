"""A recording of a pool, to be labelled by keys."""

import base64
from pathlib import Path

from audioprompt.audio.recording import AudioError
from audioprompt.services.collection import as_wav
from audioprompt.services.label_next import LabellingSession
from audioprompt.ui import markup
from audioprompt.ui.render import render

TEMPLATE = "label_next/template.html"
MAX_KEYS = 9  # labels that a key stands for
START = markup.empty(
    "Give recordings without labels. The most telling ones are played first; label them with the keys 1 to 9. "
    "Those that get no label help as well."
)


def card(session: LabellingSession, recording: int, path: Path) -> str:
    """Return a recording with its labels; or why it cannot be heard."""
    sound, problem = "", ""
    try:
        sound = base64.b64encode(as_wav(path)).decode()
    except AudioError as error:
        problem = str(error)
    return render(
        TEMPLATE,
        "card",
        recording=recording,
        name=path.name,
        sound=sound,
        problem=problem,
        labels=session.classes[:MAX_KEYS],
        progress=session.progress,
    )


def done(session: LabellingSession) -> str:
    """Say that there is nothing left to label."""
    return render(TEMPLATE, "done", progress=session.progress)
