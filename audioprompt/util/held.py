"""What one open page holds: a value that handlers change at the same time, and a folder that goes with the page."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """A value for handlers that run at the same time: none undoes what another did.

    Args:
        first: the value before any change, which is replaced and never altered.
        place: returns the folder in which this one makes its own.
    """

    def __init__(self, first: T, place: Callable[[], Path]) -> None:
        self.now = first
        self._first, self._place = first, place
        self._folder: Path | None = None
        self._lock = RLock()

    def __deepcopy__(self, memo: object) -> Held[T]:
        """Return one without any change: Gradio copies the first value of a state for every page."""
        new = type(self).__new__(type(self))
        Held.__init__(new, self._first, self._place)
        return new

    def change(self, change: Callable[[T], T]) -> T:
        """Replace the value by what a change makes of it."""
        with self._lock:
            self.now = change(self.now)
            return self.now

    @property
    def folder(self) -> Path:
        """The folder of what is held, made when it is first asked for."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="held-", dir=self._place()))
            return self._folder

    def forget(self) -> None:
        """Remove the folder, once the page has been closed."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
