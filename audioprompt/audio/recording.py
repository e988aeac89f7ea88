"""A recording in any form it can arrive in, and what is said of one that cannot be used."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from audioprompt.errors import AudiopromptError
from audioprompt.util.text import one_line

Samples = NDArray[np.float32]  # mono, [n]
Say = Callable[[str], object]  # is told a sentence about a recording that people should know

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # Hz; anything outside is a broken header


class AudioError(AudiopromptError, ValueError):
    """A recording cannot be used; the message names it, gives the reason and says what to do."""


class NoSound(AudioError):
    """A recording is in order but holds not a single sample."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording that has been read, as `read` gives it. Read again it stays as it is.

    Attributes:
        sample_rate: in Hz.
        samples: mono, ``[n]``.
        name: what to call it in an error.
        notices: what people should know of it, a sentence each.
    """

    sample_rate: int
    samples: Samples
    name: str = "The recording"
    notices: tuple[str, ...] = ()


AudioSource = str | os.PathLike[str] | bytes | BinaryIO | tuple[float, np.ndarray] | Recording


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames of a recording as they were stored.

    Attributes:
        rate: in Hz.
        frames: ``[n, channels]``.
        floats: whether they were stored as floats, so that they can lie beyond full scale; what a lossy codec
            overshoots is no mistake of whoever wrote the file.
    """

    rate: int
    frames: NDArray[Any]
    floats: bool = False


def name_of(source: AudioSource, name: str | None) -> str:
    """Return what to call a recording, by the name it was given or its own, in one line."""
    if isinstance(source, Recording):
        return source.name
    if not name and isinstance(source, tuple):
        return "The recording"
    path = name or (source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None))
    if isinstance(path, (str, os.PathLike)):
        return one_line(name or Path(path).name) or f"{str(path)!r}"
    return "The uploaded audio"
