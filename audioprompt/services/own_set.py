"""A data set of a person's own that grows clip by clip: a zip file with a manifest, as `open_clips` takes it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from filelock import FileLock, Timeout

from audioprompt.core.timeline import Event
from audioprompt.data import DataError
from audioprompt.data.duplicates import digest
from audioprompt.data.layouts import MANIFEST
from audioprompt.data.tables import check_size
from audioprompt.util import whole
from audioprompt.util.text import one_line

NAME = "own-events.zip"
TITLES = ("path", "classname", "group")
STEM = 80  # characters of a recording's name in the names of its clips
PATIENCE_SECONDS = 20.0

Labelled = dict[str, tuple[str, str]]  # class and source recording of each clip, by its path in the archive


def extend(archive: Path, recording: str, files: Sequence[Path], events: Sequence[Event]) -> Labelled:
    """Add clips of events, and return the class and the recording of all that the archive then holds.

    A clip that is in it already gets the label of its event now. Clips of one recording are of one group, so that they
    stay on one side of a division.

    Args:
        archive: the file; made where there is none, and changed whole or not at all.
        recording: the name of what the clips were cut from.
        files: the clips.
        events: of each clip its event.

    Raises:
        DataError: the archive is damaged or locked, would hold too many clips or classes, or cannot be written.
    """
    group = one_line(recording)
    added = {_name(group, file): (file, event) for file, event in zip(files, events, strict=True)}
    try:
        with FileLock(f"{archive}.lock", timeout=PATIENCE_SECONDS):
            old = _read(archive)
            labelled = old | {name: (event.label, group) for name, (_, event) in added.items()}
            check_size(archive.name, clips=len(labelled), classes=len({label for label, _ in labelled.values()}))
            _write(archive, old, {name: file for name, (file, _) in added.items() if name not in old}, labelled)
    except Timeout as error:
        raise DataError(f"{archive.name} is being written to: try again.") from error
    except (BadZipFile, KeyError, UnicodeError, csv.Error) as error:
        raise DataError(f"{archive} is damaged: move it away, and a new one is made.") from error
    except OSError as error:
        raise DataError(f"{archive} cannot be written, {error.strerror}: make room there.") from error
    return labelled


def _name(group: str, file: Path) -> str:
    """Return a clip's path in the archive: the same sound of the same recording has the same."""
    stem = re.sub(r"[^\w .-]", "_", Path(group).stem)[:STEM].strip()
    with file.open("rb") as content:
        return f"{stem}-{digest(content)[:12]}.wav"


def _read(archive: Path) -> Labelled:
    if not archive.exists():
        return {}
    with ZipFile(archive) as packed:
        rows = csv.DictReader(io.StringIO(packed.read(MANIFEST).decode()))
        return {row["path"]: (row["classname"], row["group"]) for row in rows}


def _write(archive: Path, old: Labelled, new: Mapping[str, Path], labelled: Labelled) -> None:
    """Write the archive anew beside the old one, and put it in its place."""
    with whole.written(archive) as unfinished, ZipFile(unfinished, "w") as packed:
        if old:
            with ZipFile(archive) as before:
                for name in old:
                    packed.writestr(name, before.read(name))
        for name, file in new.items():
            packed.write(file, name)
        lines = io.StringIO()
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(TITLES)
        table.writerows((name, *of) for name, of in labelled.items())
        packed.writestr(MANIFEST, lines.getvalue())
