"""What the cache knows an embedding by: its model, and the content of what was encoded."""

import hashlib
import os
from pathlib import Path

import numpy as np

from audioprompt.audio.recording import AudioSource, Recording
from audioprompt.models.base import AudioTextModel
from audioprompt.util.places import is_file

HASHED_AT_ONCE = 2**20  # bytes
# How files become windows: another number for each change of `audioprompt.audio` that other embeddings come of.
READING = b"3 "


def key_of(model: AudioTextModel, *parts: bytes) -> str:
    """Return a key that only this model has, of parts that cannot run into each other."""
    digest = hashlib.sha256(f"2 {model.name} {model.revision} {model.sample_rate} {model.window_seconds} ".encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def version_of(source: AudioSource) -> tuple[int, int] | None:
    """Return what is another once the content of a file is another; None for what is no file, and cannot change."""
    if not isinstance(source, (str, os.PathLike)):
        return None
    try:
        status = Path(source).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def key_of_clip(model: AudioTextModel, kind: bytes, source: AudioSource) -> str | None:
    """Return a key by content alone; None for what can be read only once or not at all: reading it will tell."""
    kind = READING + kind
    if isinstance(source, Recording):
        source = source.sample_rate, source.samples
    if isinstance(source, bytes):
        return key_of(model, kind + b"file", hashlib.sha256(source).digest())
    if isinstance(source, tuple):
        rate, samples = source[0], np.asarray(source[1])
        return key_of(model, kind + b"array", f"{rate} {samples.dtype} {samples.shape}".encode(), samples.tobytes())
    if isinstance(source, (str, os.PathLike)) and is_file(source):
        digest = hashlib.sha256()
        try:
            with Path(source).open("rb") as file:
                while part := file.read(HASHED_AT_ONCE):
                    digest.update(part)
        except OSError:
            return None
        return key_of(model, kind + b"file", digest.digest())
    return None
