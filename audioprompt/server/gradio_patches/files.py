"""Gradio's folder of files: how they come into it, and which are there."""

import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from gradio import processing_utils, route_utils, utils
from gradio_client.utils import strip_invalid_filename_characters  # type: ignore[import-untyped]

from audioprompt.util import whole


def fetch_with(fetch: Callable[[str, str], Coroutine[Any, Any, str]]) -> None:
    """Have files that are given by their address fetched by another function than Gradio's.

    Args:
        fetch: takes an address and the folder for uploads, and returns the path of the file.
    """
    processing_utils.async_ssrf_protected_download = fetch  # type: ignore[assignment]


def spool_with(open_file: Callable[..., Any]) -> None:
    """Have the files in which uploads arrive opened by another function.

    Args:
        open_file: takes what `tempfile.NamedTemporaryFile` takes.
    """
    route_utils.NamedTemporaryFile = open_file


def folder() -> Path:
    """Return the folder of uploads and of files that are handed out, which Gradio cleans."""
    return Path(utils.get_upload_folder())


def holds(file: Path) -> bool:
    """Whether a file is in that folder."""
    return file.resolve().is_relative_to(folder().resolve())


def keep(content: bytes, name: str) -> Path:
    """Write a file into that folder, to be handed out under a name."""
    file = _place(processing_utils.hash_bytes(content), name)
    with whole.written(file) as unfinished:
        unfinished.write_bytes(content)
    return file


def copied(file: Path) -> Path:
    """Return the copy of a file in that folder, which is there for as long as any that comes now."""
    copy = _place(processing_utils.hash_file(file), strip_invalid_filename_characters(file.name))
    if copy.exists():
        copy.touch()
    else:
        with whole.written(copy) as unfinished:
            shutil.copyfile(file, unfinished)
    return copy


def _place(content: str, name: str) -> Path:
    """Return the path of a file in that folder, by a digest of its content; others may read it or be writing it too."""
    parent = folder().resolve() / content
    parent.mkdir(parents=True, exist_ok=True)
    return parent / name
