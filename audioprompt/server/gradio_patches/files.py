"""Gradio's folder of files: how they come into it, and which are there."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from gradio import processing_utils, route_utils, utils


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
    return Path(processing_utils.save_bytes_to_cache(content, name, str(folder())))
