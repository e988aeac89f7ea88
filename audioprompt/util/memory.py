"""Memory: the garbage collector spared what stays, and what is free given back to the machine."""

import ctypes
import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

EVERY_SECONDS = 10.0  # at most so often: looking through all that is free takes some milliseconds
ARENAS = 2  # places that threads take memory from; with one for each thread, each keeps what it once needed
_M_ARENA_MAX = -8  # its number in glibc's malloc.h

_given = -EVERY_SECONDS  # when it was given back last
_lock = Lock()


@cache
def _glibc() -> Any:
    """Return the C library, where it can give memory back; None elsewhere."""
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "malloc_trim") else None
    except (OSError, TypeError):  # Windows names no library None
        return None


def keep_in_few_places() -> None:
    """Have threads share the places that they take memory from; to be called before there are many."""
    if library := _glibc():
        library.mallopt(_M_ARENA_MAX, ARENAS)


@contextmanager
def kept_for_good() -> Iterator[None]:
    """Spare the garbage collector what is made inside a ``with``, then and from now on: it stays.

    It would look through all of it again and again: a sixth of the time that the app takes to start.
    """
    awake = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if awake:
            gc.enable()


def give_back() -> bool:
    """Give back what is free, unless that was just done: whether it was done now."""
    global _given
    with _lock:
        if time.monotonic() - _given < EVERY_SECONDS:
            return False
        _given = time.monotonic()
    if library := _glibc():
        library.malloc_trim(0)
    return True


def peak_megabytes() -> float:
    """Return the most memory this process has had so far; 0 where the system does not tell."""
    if resource is None:
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)
