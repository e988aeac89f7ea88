"""Clips that arrive as a zip file, which may be anybody's: what it says of itself is not believed."""

import io
import lzma
import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from audioprompt.data.clips import LabelledClips, read_folder
from audioprompt.data.duplicates import digest
from audioprompt.data.layouts import find_manifest, hidden, is_sound, left_unread
from audioprompt.data.tables import MAX_CLIPS, DataError, check_size, is_table
from audioprompt.util.text import one_line

MAX_BYTES = 4_000_000_000  # unpacked, of all files together
UNPACKED = 2  # a new number where other files are unpacked than before
MAX_RATIO = 100  # of unpacked to packed: sound packs to a half or a tenth, only silence to less
FREE_BYTES = 20_000_000  # unpacked, whatever the ratio: some silence is allowed
MAX_ENTRIES = 2 * MAX_CLIPS  # files of any kind
MAX_DEPTH = 32  # folders in folders
MAX_NAME = 400  # characters, folders included
MAX_READ = 16_000_000  # bytes at a time: zipfile reads the list of contents in one go, as long as the file says it is
BLOCK = 2**20  # bytes
ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # what ends a line or turns its direction

# What zipfile and the decompressors raise when they meet damage.
DAMAGE = (BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)


def from_zip(
    archive: str | os.PathLike[str] | bytes,
    into: str | os.PathLike[str],
    name: str | None = None,
    most_bytes: int | None = None,
    skip_bad: bool = False,
) -> LabelledClips:
    """Unpack a zip file that holds what `LabelledClips.from_folder` reads: tables, or a folder for each class.

    Args:
        archive: the file, or its bytes.
        into: the folder under which to unpack.
        name: what to call the data, by default the archive's own name.
        most_bytes: to be unpacked, by default ``MAX_BYTES``.
        skip_bad: leave out the lines of a table that cannot be used.

    Raises:
        DataError: it cannot be unpacked, as `unpack` says; or its content is nothing that `LabelledClips.from_folder`
            can read.
    """
    name = name or _name_of(archive)

    def read(folder: Path) -> LabelledClips:
        return read_folder(folder, name, stay_inside=True, skip_bad=skip_bad)

    clips = read(unpack(archive, into, name, most_bytes, read))
    with _opened(archive) as file, ZipFile(file) as opened:
        unread = left_unread(path for path in map(PureWindowsPath, opened.namelist()) if not hidden(path))
    return replace(clips, notices=(*clips.notices, *unread))


def unpack(
    archive: str | os.PathLike[str] | bytes,
    into: str | os.PathLike[str],
    name: str | None = None,
    most_bytes: int | None = None,
    check: Callable[[Path], object] = lambda folder: None,
) -> Path:
    """Unpack the recordings and the tables of a zip file, and return the folder, which is named after its content.

    An archive that has been unpacked there before is not unpacked again. Where anything is wrong, nothing is left
    behind.

    Args:
        archive: the file, or its bytes.
        into: the folder under which to unpack.
        name: what to call it, by default its own name.
        most_bytes: to be unpacked, by default ``MAX_BYTES``.
        check: raises a DataError where what was unpacked is not to be kept.

    Raises:
        DataError: the archive is damaged, encrypted or too large, holds a link or a path that leads out of it, or the
            disk is full.
    """
    name = name or _name_of(archive)
    try:
        with _opened(archive) as file:
            folder = Path(into) / f"{digest(file)[:32]}-{UNPACKED}"
            if not folder.is_dir():
                with filled(folder) as working:
                    _unpack(file, name, working, most_bytes or MAX_BYTES)
                    check(working)
    except DataError:
        raise
    except DAMAGE as error:
        raise DataError(
            f"{name} is not a zip file that can be unpacked ({one_line(str(error))[:200]}): pack it again"
        ) from error
    except OSError as error:  # of the file system with a reason, of a decompressor without
        reason = error.strerror or "it is damaged"
        raise DataError(f"{name} cannot be unpacked ({reason}): check the file and the space on the disk") from error
    return folder


def _name_of(archive: str | os.PathLike[str] | bytes) -> str:
    return "The archive" if isinstance(archive, bytes) else one_line(Path(archive).stem)


@contextmanager
def filled(folder: Path) -> Iterator[Path]:
    """Make a working folder that becomes ``folder`` once all has gone well, and is gone otherwise."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix="unfinished-") as temporary:
        working = Path(temporary) / "clips"
        working.mkdir()
        yield working
        try:
            working.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster
                raise


class _Archive(io.BufferedReader):
    """A file of which no more is read at once than is reasonable."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_READ:
            raise BadZipFile("its list of contents is too long")
        return super().read(size)


@contextmanager
def _opened(archive: str | os.PathLike[str] | bytes) -> Iterator[_Archive]:
    with io.BytesIO(archive) if isinstance(archive, bytes) else Path(archive).open("rb", buffering=0) as raw:
        yield _Archive(raw)


def _unpack(file: _Archive, name: str, folder: Path, most_bytes: int) -> None:
    """Write the recordings and the tables of an archive into a folder, counting what really comes out."""
    packed = file.seek(0, os.SEEK_END)
    limit = min(most_bytes, max(FREE_BYTES, MAX_RATIO * packed))
    written = 0
    with ZipFile(file) as archive:
        for path, entry in _wanted(archive, name).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("xb") as out:
                while block := source.read(BLOCK):
                    written += len(block)
                    if written > limit:
                        raise DataError(
                            f"{name} unpacks to more than {limit:,} bytes, too much for an archive of {packed:,}:"
                            " unpack it yourself and give the folder"
                        )
                    out.write(block)


def _wanted(archive: ZipFile, name: str) -> dict[PurePosixPath, ZipInfo]:
    """Return the recordings and the tables, by paths that are safe to write to."""
    if len(archive.infolist()) > MAX_ENTRIES:
        raise DataError(f"{name} holds over {MAX_ENTRIES:,} files: pack the recordings alone, and fewer of them")
    entries: dict[PurePosixPath, ZipInfo] = {}
    for entry in archive.infolist():
        path = _inside(_written_name(entry), name)
        if entry.is_dir() or hidden(path) or not (is_sound(path) or is_table(path)):
            continue
        if ODD.search(str(path)) or len(str(path)) > MAX_NAME:
            raise DataError(f"{name} holds a file with an odd name, {entry.filename[:100]!r}: rename it")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DataError(f"{name} holds a link, {path}: pack the recording itself")
        if len(path.parts) > MAX_DEPTH:
            raise DataError(f"{name} holds over {MAX_DEPTH} folders in folders: pack it without most of them")
        if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # of others zipfile bounds no memory: 1 GB from 1 kB
            raise DataError(f"{name} is packed in an unusual way, {path}: pack it again as an ordinary zip file")
        if entry.flag_bits & 1:
            raise DataError(f"{name} is encrypted: pack it without a password")
        if path in entries:
            raise DataError(f"{name} holds {path} twice: pack it again")
        entries[path] = entry
    manifest = find_manifest(entries)  # where there is one, other tables do not count
    kept = {path: entry for path, entry in entries.items() if is_sound(path) or manifest in (None, path)}
    check_size(name, clips=sum(map(is_sound, kept)))
    return kept


def _written_name(entry: ZipInfo) -> str:
    """Return the name of an entry; macOS writes UTF-8 without saying so, which zipfile takes for the letters of DOS."""
    if entry.flag_bits & 0x800 or entry.filename.isascii():
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _inside(text: str, name: str) -> PurePosixPath:
    """Return a path that another person wrote, once it is sure that it leads into the folder it is relative to."""
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(text).drive or ".." in path.parts or not path.parts:
        raise DataError(f"{name} names {one_line(text[:99])!r}, which leads out of the folder: use relative paths")
    return path
