"""Files that hold the very same bytes, found without reading most of them."""

import hashlib
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import BinaryIO

HEAD_BYTES = 16_384  # files that agree in these are compared as a whole


def first_alike(files: Iterable[Path]) -> dict[Path, Path]:
    """For every file the first of those that have the same content, which is itself for most.

    Raises:
        OSError: a file cannot be read.
    """
    first = {file: file for file in files}
    alike = [list(first)]
    for look in (_length, _head, _digest):
        alike = [same for some in alike for same in _sorted_by(look, some) if len(same) > 1]
    return first | {file: same[0] for same in alike for file in same}


def digest(content: BinaryIO) -> str:
    """SHA-256 of what is left of a file, as hexadecimal digits."""
    found = hashlib.sha256()
    while block := content.read(2**20):
        found.update(block)
    return found.hexdigest()


def _sorted_by(look: Callable[[Path], Hashable], files: Iterable[Path]) -> list[list[Path]]:
    heaps: dict[Hashable, list[Path]] = {}
    for file in files:
        heaps.setdefault(look(file), []).append(file)
    return list(heaps.values())


def _length(file: Path) -> int:
    return file.stat().st_size


def _head(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.sha256(content.read(HEAD_BYTES)).digest()


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return digest(content)
