"""Temporary files: the folder that goes with this process, and what broken-off uploads leave behind."""

import atexit
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from audioprompt.server.gradio_patches import files as gradio_files
from audioprompt.settings import UPLOADS

PREFIX = "audioprompt-"
LOCK = ".lock"  # held for as long as the process lives that a folder belongs to
SWEEP_SECONDS = 3600.0
OLD_SECONDS = 86_400.0  # a folder without a lock, or whose lock is not there yet, is left alone for so long

_spooled: ContextVar[list[Path] | None] = ContextVar("spooled", default=None)  # files of the request at hand
_locks: list[FileLock] = []  # held until the process ends


@cache
def folder() -> Path:
    """Return the folder that is removed when this process ends."""
    made = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = FileLock(made / LOCK)
    lock.acquire()
    _locks.append(lock)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def sweep_leftovers(within: Path | None = None) -> list[Path]:
    """Remove the folders of processes that were killed, and return them."""
    removed = []
    for left in (within or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout):  # somebody else's, or gone meanwhile; in use
            if (left / LOCK).is_file():
                with FileLock(left / LOCK, timeout=0):
                    shutil.rmtree(left)
                removed.append(left)
            elif left.is_dir() and left.stat().st_mtime < time.time() - OLD_SECONDS:
                shutil.rmtree(left)
                removed.append(left)
    return removed


def sweep_for_ever() -> None:
    """Sweep leftovers now and every hour, in the background."""

    def sweep() -> None:
        while True:
            sweep_leftovers()
            time.sleep(SWEEP_SECONDS)

    threading.Thread(target=sweep, daemon=True).start()


# --- uploads ----------------------------------------------------------------------------------------------------------


def install() -> None:
    """Let Gradio's uploads arrive in our folder, where `no_leftovers` finds those that broke off, and stay there.

    All apps of a machine would share Gradio's own folder, and each removes, as it ends, what others still show.
    Gradio writes them to files of their own, moves those that arrive whole, and leaves all others where they are.
    """
    gradio_files.spool_with(_spool)
    os.environ.setdefault(UPLOADS.name, str(folder() / "gradio"))


def _spool(*args: Any, **kwargs: Any) -> Any:
    file = tempfile.NamedTemporaryFile(*args, **{"dir": folder(), **kwargs})  # noqa: SIM115, whoever asked closes it
    files = _spooled.get()
    if files is not None:
        files.append(Path(file.name))
    return file


@contextmanager
def no_leftovers() -> Iterator[None]:
    """Handle one request, and remove files that arrived with it and were not moved on, however it ends."""
    files: list[Path] = []
    token = _spooled.set(files)
    try:
        yield
    finally:
        _spooled.reset(token)
        for file in files:
            file.unlink(missing_ok=True)
