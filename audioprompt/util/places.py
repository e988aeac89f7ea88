"""What is at a path that somebody wrote.

`pathlib.Path` answers with an error where a name is too long, or lies in a folder that may not be entered. Whoever asks
sees nothing there.
"""

import os
from pathlib import Path


def as_typed(text: str) -> Path:
    """Return the path that somebody wrote, with ``~`` for a home that is known here."""
    return Path(os.path.expanduser(text.strip()))  # noqa: PTH111, pathlib raises an error for an unknown home


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file or a folder."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is a folder."""
    return os.path.isdir(path)  # noqa: PTH112
