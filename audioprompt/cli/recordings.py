"""The recordings that a command is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audioprompt.audio.recording import AudioError
from audioprompt.util.places import is_there


def require_recordings(files: Sequence[Path]) -> list[Path]:
    """Return the distinct recordings that were named, before a model is loaded for them.

    Raises:
        AudioError: not one of them is there.
    """
    distinct = list(dict.fromkeys(files))
    if not any(is_there(file) for file in distinct):
        raise AudioError(" ".join(f"{file} does not exist: check the path." for file in distinct))
    return distinct
