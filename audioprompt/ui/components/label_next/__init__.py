"""A recording of a pool, to be labelled or judged by keys."""

import base64
from collections.abc import Sequence
from pathlib import Path

from audioprompt.audio.recording import AudioError
from audioprompt.services.collection import as_wav
from audioprompt.services.label_next import LabellingSession
from audioprompt.services.rejection import Review
from audioprompt.ui import markup
from audioprompt.ui.render import render

TEMPLATE = "label_next/template.html"
MAX_KEYS = 9  # labels that a key stands for
START = markup.empty(
    "Give recordings without labels. The most telling ones are played first; label them with the keys 1 to 9. "
    "Those that get no label help as well."
)


SKIP, UNDO = ("0", "skip"), ("u", "undo")
YES, NO = ("y", "one of these"), ("n", "none of these")


def card(session: LabellingSession, recording: int, path: Path) -> str:
    """Return a recording with its labels; or why it cannot be heard."""
    keys = [(str(number), name) for number, name in enumerate(session.classes[:MAX_KEYS], 1)]
    return _card(recording, path, [*keys, SKIP, UNDO], session.progress)


def done(session: LabellingSession) -> str:
    """Say that there is nothing left to label."""
    return render(
        TEMPLATE, "done", words=f"Every recording has a label or was skipped. {session.progress} Press Learn."
    )


def review(review: Review, recordings: Sequence[Path]) -> str:
    """Return the recording of a review that is asked about; or what came of it."""
    if (clip := review.next) is None:
        return render(TEMPLATE, "done", words=f"{review.words} Use the head or save it, and this goes along.")
    return _card(clip, recordings[clip], [YES, NO], review.words)


def _card(recording: int, path: Path, keys: Sequence[tuple[str, str]], progress: str) -> str:
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
        keys=keys,
        progress=progress,
    )
