"""The recordings that a command is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audioprompt.audio.recording import AudioError
from audioprompt.data.clips import files_under
from audioprompt.data.layouts import is_sound
from audioprompt.data.tables import DataError, check_size


def require_recordings(files: Sequence[Path]) -> list[Path]:
    """Return the distinct recordings that were named, before a model is loaded for them.

    Raises:
        AudioError: not one of them is there.
    """
    distinct = list(dict.fromkeys(files))
    if not any(file.exists() for file in distinct):
        raise AudioError(" ".join(f"{file} does not exist: check the path." for file in distinct))
    return distinct


def find_recordings(files: Sequence[Path]) -> list[Path]:
    """Replace each folder by the recordings in it and its folders, sorted.

    Raises:
        DataError: a folder holds none, or very many.
    """
    found: list[Path] = []
    for file in files:
        inside = [file / path for path in files_under(file) if is_sound(path)] if file.is_dir() else [file]
        if not inside:
            raise DataError(f"{file} holds no recordings: give a folder with some.")
        check_size(str(file), clips=len(inside))
        found += sorted(inside)
    return list(dict.fromkeys(found))
