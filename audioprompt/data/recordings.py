"""Recordings without labels: in folders of any size, and in zip files."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from audioprompt.data.archives import unpack
from audioprompt.data.layouts import is_sound, walk
from audioprompt.data.tables import DataError, check_size
from audioprompt.settings import cache_folder
from audioprompt.util.places import is_file, is_folder

UNLABELLED = "A pool of recordings without labels"  # what they are called as a data set


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A recording as it was found.

    Attributes:
        root: the folder below which it lies.
        name: its path below that, with slashes.
        size: in bytes; 0 where that is unknown.
        changed: when it was last changed, in nanoseconds.
    """

    root: Path
    name: str
    size: int = 0
    changed: int = 0

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.root / self.name

    @property
    def version(self) -> tuple[int, int]:
        """What is another number once its content is another."""
        return self.size, self.changed


def find_files(sources: Sequence[Path], root: Path | None = None) -> list[FoundFile]:
    """Return recordings, and those in folders and their folders, no file twice, sorted by name.

    Pipes and the like in folders are left out. A folder within that cannot be opened is given back as if it were a
    recording: reading it will tell why.

    Args:
        sources: recordings and folders.
        root: names are relative to it; by default they are the paths as they were given.

    Raises:
        DataError: a folder cannot be opened, or there is no recording in any of them.
    """
    found: dict[str, FoundFile] = {}
    for source in sources:
        for path in _under(source) if is_folder(source) else [str(source)]:
            name = os.path.relpath(path, root) if root else path
            name = PurePath(name).as_posix()
            file = _look_at(root or Path(), name, named=path == str(source))
            if file:
                found[name] = file
    if not found:
        names = " and ".join(map(str, sources))
        raise DataError(f"{names} holds no recordings: give a folder with some.")
    return [found[name] for name in sorted(found)]


def find_recordings(places: Iterable[Path], into: Path | None = None, most_bytes: int | None = None) -> list[Path]:
    """Replace folders and zip files by the recordings in them, for what takes all at once; no recording twice.

    Args:
        places: recordings, folders and zip files.
        into: the folder under which zip files are unpacked, by default in the user's caches.
        most_bytes: to be unpacked of each.

    Raises:
        DataError: one holds no recording, or very many, or cannot be unpacked.
    """
    found: list[Path] = []
    for place in places:
        inside = [file.path for file in find_files([unpacked(place, into, most_bytes)])]
        check_size(str(place), clips=len(inside))
        found += inside
    return list(dict.fromkeys(found))


def unpacked(place: Path, into: Path | None = None, most_bytes: int | None = None) -> Path:
    """Return the folder that a zip file is unpacked in, as `find_recordings` does it, and any other place as it is.

    Raises:
        DataError: it cannot be unpacked.
    """
    if place.suffix.lower() != ".zip" or not is_file(place):
        return place
    return unpack(place, into or cache_folder() / "recordings", most_bytes=most_bytes)


def _under(folder: Path) -> Iterator[str]:
    """Yield the recordings in a folder and its folders that are not hidden."""
    unopened: list[str] = []

    def note(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise DataError(f"{folder} cannot be read, {error.strerror}: give the path of a folder.") from error
        unopened.append(error.filename)

    for parent, names in walk(folder, note):
        for name in names:
            if is_sound(PurePath(name)):
                yield os.path.join(parent, name)  # noqa: PTH118, a million paths are slow to make
    yield from unopened


def _look_at(root: Path, name: str, named: bool) -> FoundFile | None:
    """Return a recording; None for a pipe or the like that nobody named, which might be read without end."""
    try:
        status = os.stat(root / name)  # noqa: PTH116, as above
    except (OSError, ValueError):  # it has gone meanwhile, or its name holds a NUL: reading it will tell
        return FoundFile(root, name)
    if not (named or stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return None
    return FoundFile(root, name, status.st_size, status.st_mtime_ns)
