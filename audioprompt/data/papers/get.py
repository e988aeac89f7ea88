"""A data set of the papers fetched whole, going on where it was broken off, and its files looked over."""

import json
import shutil
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from zipfile import BadZipFile

from huggingface_hub import snapshot_download

from audioprompt.data.archives import filled
from audioprompt.data.clips import files_under
from audioprompt.data.duplicates import digest
from audioprompt.data.layouts import is_sound
from audioprompt.data.papers.entries import PaperSet
from audioprompt.data.papers.read import find_rows, has_one_part
from audioprompt.data.repository import ATTEMPTS, PAUSE_SECONDS, Progress, Unreachable, reaching
from audioprompt.data.tables import DataError
from audioprompt.encoding.recordings import Recordings
from audioprompt.models.downloads import web_file, zenodo_file
from audioprompt.util.text import one_line

CHECKSUMS = "checksums.json"  # written beside a data set that was fetched: what was there when it was whole
ADDED = "was added"
Problem = tuple[str, str]  # a file, and what is wrong with it


def get_set(one: PaperSet, root: Path, progress: Progress | None = None) -> Path:
    """Fetch a data set into its folder below ``root``, and return that; what is there and whole is not fetched again.

    Raises:
        DataError: it has to be fetched by hand, or cannot be had; the message says what to do.
        ModelError: a server cannot be reached or the download breaks off.
    """
    how = one.how_to_get
    if "manual" in how:
        raise DataError(f"{one.name} is at {one.home}. {how['manual']}, into {root / one.corpus}.")
    folder = root / (one.hub_name or one.corpus)
    if "hub" in how:
        _from_hub(how["hub"], folder)
    elif not folder.is_dir() or any(reason != ADDED for _, reason in _changed(folder)):
        archive = web_file(how["url"], progress) if "url" in how else zenodo_file(how["zenodo"], how["file"], progress)
        with nullcontext(folder) if folder.is_dir() else filled(folder) as working:
            _unpack(archive, working)
        archive.unlink()
    (folder / CHECKSUMS).write_text(json.dumps(_checksums(folder), indent=0, sort_keys=True), "utf-8")
    return folder


def _from_hub(repo_id: str, folder: Path) -> None:
    for left in reversed(range(ATTEMPTS)):
        try:
            with reaching(repo_id):
                snapshot_download(repo_id, repo_type="dataset", local_dir=folder)
                return
        except Unreachable:  # the connection broke off; what has arrived stays for the next attempt
            if not left:
                raise
            time.sleep(PAUSE_SECONDS)


def _unpack(archive: Path, folder: Path) -> None:
    try:
        # both ways nothing is written outside the folder; only a tar can ask for more, which the filter refuses
        shutil.unpack_archive(archive, folder, filter=None if archive.suffix == ".zip" else "data")
    except (OSError, BadZipFile, tarfile.TarError, EOFError) as error:
        raise DataError(
            f"{archive} cannot be unpacked ({one_line(str(error))[:100]}): delete it and try again"
        ) from error


def _checksums(folder: Path) -> dict[str, str]:
    found = {}
    for file in files_under(folder):
        if file.name != CHECKSUMS:
            with (folder / file).open("rb") as content:
                found[file.as_posix()] = digest(content)
    return found


def check_set(one: PaperSet, folder: Path, look: Callable[[], object] = int) -> tuple[int, list[Problem]]:
    """Look a data set over: how many recordings it has, and what is wrong with it, file by file.

    Args:
        one: which.
        folder: where its files are.
        look: called again and again; an exception that it raises ends it.

    Raises:
        DataError: it is not a folder of this data set.
    """
    rows = find_rows(one, folder)
    problems = [(row.recording, row.problem.partition(": ")[0]) for row in rows if row.problem]
    files = [row.file for row in rows if row.file]
    problems += _unreadable(folder, [str(file) for file in files], look)
    counts = Counter(row.label for row in rows if not row.problem)
    problems += [(name, "has no clip") for name in one.classes if not counts[name] and name not in one.absent]
    if has_one_part(one, rows):
        problems.append((one.name, "has only one of the parts that it is divided into"))
    elif len(files) < one.clips:
        problems.append((one.name, f"has {len(files):,} recordings of {one.clips:,}"))
    return len(files), list(dict(problems + _changed(folder)).items())


def _unreadable(folder: Path, files: Sequence[str], look: Callable[[], object]) -> list[Problem]:
    recordings = Recordings([folder / file for file in files], files)
    return [(files[row], reason) for row, reason in recordings.find_unreadable(range(len(files)), look).items()]


def _changed(folder: Path) -> list[Problem]:
    """Compare the files with what they were when they had been fetched."""
    record = folder / CHECKSUMS
    if not record.is_file():
        return []
    try:
        known = dict(json.loads(record.read_text("utf-8")))
    except ValueError:
        return [(CHECKSUMS, "cannot be read: delete it, or get the data set again")]
    found = _checksums(folder)
    changed = [(name, "is not what was fetched") for name in known if name in found and found[name] != known[name]]
    gone = [(name, "is missing") for name in known if name not in found]
    return gone + changed + [(str(name), ADDED) for name in found if name not in known and is_sound(Path(name))]
