"""Labelled clips, and the two ways in which they lie on a disk: in tables, or in a folder for each class."""

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path, PurePath, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from audioprompt.data.duplicates import first_alike
from audioprompt.data.layouts import Listing, in_parts, lay_out, locate, numbered_by_split, walk
from audioprompt.data.tables import MAX_CLIPS, DataError, Row, check_size, read_table
from audioprompt.util.places import is_file, is_folder
from audioprompt.util.text import counted, one_line

MAX_FILES = 4 * MAX_CLIPS  # that a folder is searched for
MAX_LISTED = 10  # in a message
MAX_GROUPS = 12  # that a column may put recordings into: more say little of each
NOT_GIVEN = "not given"  # the group of recordings of which a column says nothing
TABLE_FOLDERS = {"annotations", "csv", "csv_files", "labels", "lists", "meta", "metadata", "splits", "tables"}


@dataclass(frozen=True)
class LeftOut:
    """A recording that cannot be used and was left out.

    Attributes:
        name: its path below the top of the data set, or where it is listed.
        label: its class; empty where it has none.
        reason: what is wrong with it, as the end of a sentence that begins with the name.
    """

    name: str
    label: str
    reason: str


def list_left_out(left_out: Collection[LeftOut]) -> str:
    """Name recordings with what is wrong with each, the first ten of them."""
    shown = [f"{one.name} {one.reason}".strip() for one in list(left_out)[:MAX_LISTED]]
    more = len(left_out) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def summarise_left_out(left_out: Collection[LeftOut]) -> str:
    """How many recordings of which class were left out and why, as a sentence; empty for none."""
    if not left_out:
        return ""
    counts = Counter(one.label or "no class" for one in left_out)
    of = ", ".join(f"{number} of {label}" for label, number in sorted(counts.items()))
    where = f" ({of})" if any(one.label for one in left_out) else ""
    return f"Left out {counted(len(left_out), 'recording')}{where}: {list_left_out(left_out)}"


@dataclass(frozen=True)
class LabelledClips:
    """N clips and the class of each.

    Attributes:
        paths: the recordings, N.
        labels: the class name of each clip, N.
        folds: the fold each clip belongs to, N; None where the data has no folds.
        name: of the data set, for reports.
        classes: the class names; by default those that occur, sorted. Parts of a data set keep the classes of the
            whole, so that a class has the same number everywhere.
        groups: what each clip was cut from, N: clips of one group are one source recording, or one preset of a
            synthesiser, and must not be learned from and tested on at once. By default every file is its own group.
        root: the top of the data set, below which messages name its recordings; None where there is none.
        left_out: recordings of the data set that cannot be used.
        notices: what people should know of how the data set was read, in sentences.
        columns: titles of a table's columns that put the clips into groups, with the group of each clip, N.

    Raises:
        DataError: there are more clips or classes than can be handled.
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    folds: tuple[int, ...] | None = None
    name: str = "clips"
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    root: Path | None = None
    left_out: tuple[LeftOut, ...] = ()
    notices: tuple[str, ...] = ()
    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", self.classes or tuple(sorted(set(self.labels))))
        object.__setattr__(self, "groups", self.groups or tuple(map(str, self.paths)))
        check_size(self.name, clips=len(self.paths), classes=len(self.classes))

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def targets(self) -> NDArray[np.intp]:
        """The class of each clip as an index into ``classes``, ``[N]``."""
        index = {name: number for number, name in enumerate(self.classes)}
        return np.array([index[label] for label in self.labels], np.intp)

    @property
    def spoken_classes(self) -> tuple[str, ...]:
        """The class names as a prompt says them: underscores become blanks."""
        return tuple(one_line(name.replace("_", " ")) for name in self.classes)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What people should know of the data: how it was read, and what was left out."""
        left_out = summarise_left_out(self.left_out)
        return tuple(f"{remark.rstrip('.')}." for remark in (*self.notices, left_out) if remark)

    @property
    def folds_part_recordings(self) -> bool:
        """Whether clips of one source recording lie in several folds."""
        folds_of = defaultdict(set)
        for group, fold in zip(self.groups, self.folds or (), strict=False):
            folds_of[group].add(fold)
        return any(len(folds) > 1 for folds in folds_of.values())

    def name_of(self, row: int) -> str:
        """Return what to call a recording in a message: its path below the top of the data set, or its name and
        class.
        """
        path = self.paths[row]
        if self.root is None:
            return one_line(f"{path.name} ({self.labels[row]})")
        try:
            return one_line(Path(os.path.relpath(path, self.root)).as_posix())
        except ValueError:  # it is on another drive
            return one_line(str(path))

    def take(self, rows: Sequence[int]) -> "LabelledClips":
        """Return some of the clips, by their positions."""
        return replace(
            self,
            paths=tuple(self.paths[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            folds=self.folds and tuple(self.folds[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
            columns=tuple((title, tuple(values[row] for row in rows)) for title, values in self.columns),
        )

    def without(self, bad: Mapping[int, str]) -> "LabelledClips":
        """Return the clips without some that cannot be used: what is wrong with each, by its position."""
        lost = tuple(LeftOut(self.name_of(row), self.labels[row], reason) for row, reason in sorted(bad.items()))
        kept = self.take([row for row in range(len(self)) if row not in bad])
        return replace(kept, left_out=tuple(dict.fromkeys((*self.left_out, *lost))))

    def in_folds(self, folds: Collection[int]) -> "LabelledClips":
        """Return the clips of some folds.

        Raises:
            DataError: the data has no folds, or lacks one of these.
        """
        if self.folds is None:
            raise DataError(f"{self.name} has no folds: add a column named fold, or leave the folds out")
        if missing := set(folds) - set(self.folds):
            raise DataError(f"{self.name} has no fold {_listed(missing)}; its folds are {_listed(self.folds)}")
        return self.take([row for row, fold in enumerate(self.folds) if fold in folds])

    @classmethod
    def from_manifest(cls, path: str | os.PathLike[str], skip_bad: bool = False) -> "LabelledClips":
        """Read a table with the columns ``path,classname`` and, where there are such, ``fold`` and ``group``.

        Columns may have other usual names (`audioprompt.data.tables.COLUMNS`). Paths are relative to the table; where
        that leads nowhere, the recordings are looked for in its folder, and beside that where it is called ``meta`` or
        the like. ``group`` (or ``source``, ``src_file``, ``fsID``, ...) names the recording that a clip was cut from;
        a clip without one is its own group, together with all files of the very same content.

        Args:
            path: of a CSV or TSV file, or one of JSON lines.
            skip_bad: leave out the lines that cannot be used.

        Raises:
            DataError: the table cannot be read, lacks a column or has no line; or lines lack the class name, have a
                fold that is not a whole number, or name a recording that is not there.
        """
        path = Path(path)
        name = one_line(f"{path.absolute().parent.name}/{path.stem}".lstrip("/"))
        table = read_table(path)
        in_meta = path.absolute().parent.name.lower() in TABLE_FOLDERS
        root = path.parent.parent if in_meta and path.parent.name else path.parent
        place = PurePosixPath(path.parent.name if root != path.parent else "", path.name)
        listing = cache(lambda: Listing(files_under(root)))
        exists = partial(_is_file_below, root)
        rows = table.rows(lambda text: exists(place.parent / text))
        rows = in_parts(locate(rows, place, listing, exists), place)
        notices = [table.notice] if table.notice else []
        return assemble(rows, lambda file: root / file, name, root, skip_bad, notices)

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str], skip_bad: bool = False) -> "LabelledClips":
        """Read a folder that holds a folder of recordings for each class, or tables that list its recordings.

        The folders of the classes may lie together in one more folder, or in each of several folders for parts of the
        data, ``train`` and ``test`` or ``fold1``, ``fold2``, which then are the folds. Hidden files and everything
        that is not a recording is passed over.

        Args:
            folder: which.
            skip_bad: leave out the lines of a table that cannot be used.

        Raises:
            DataError: the folder cannot be read or holds no recording, a recording lies in no class's folder, there is
                only one class, or several tables contradict each other; or as for `from_manifest`.
        """
        return read_folder(Path(folder), skip_bad=skip_bad)


def refuse_classes_alike(clips: LabelledClips) -> None:
    """Raise a DataError where a prompt says several class names alike: no model could tell them apart."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name, spoken in zip(clips.classes, clips.spoken_classes, strict=True):
        plain = "".join(sign for sign in unicodedata.normalize("NFKC", spoken) if unicodedata.category(sign) != "Cf")
        alike[one_line(plain).casefold()].append(name)
    if same := [names for names in alike.values() if len(names) > 1]:
        listed = "; ".join(", ".join(map(repr, names)) for names in same[:MAX_LISTED])
        raise DataError(
            f"{clips.name} has classes whose names differ only in case, blanks or underscores, so prompts cannot tell"
            f" them apart: {listed}. Give each class one name"
        )


def refuse_one_class(clips: LabelledClips) -> None:
    """Raise a DataError where there is nothing to tell apart."""
    if len(clips.classes) < 2:
        only = f" ({', '.join(clips.classes)})" if clips.classes else ""
        raise DataError(f"{clips.name} has only one class{only}, so there is nothing to tell apart: add another class")


def assemble(
    rows: Iterable[Row],
    path_of: Callable[[PurePosixPath], Path],
    name: str,
    root: Path | None = None,
    skip_bad: bool = False,
    notices: Sequence[str] = (),
) -> LabelledClips:
    """Labelled clips from the lines of tables.

    Args:
        rows: the lines with the files they name.
        path_of: gives the recording for such a file.
        name: of the data set.
        root: of the data set.
        skip_bad: leave out the lines that cannot be used.
        notices: what people should know already.

    Raises:
        DataError: lines cannot be used, or all of them where they may be left out; there are too many; or a recording
            cannot be read.
    """
    rows = list(rows)
    check_size(name, clips=len(rows))
    rows, left_out = usable(rows, name, skip_bad)
    rows, more = numbered_by_split(rows)
    files = [path_of(row.file or PurePosixPath(row.recording)) for row in rows]
    try:
        first = first_alike(files)
    except OSError as error:
        recording = one_line(os.path.relpath(error.filename, root) if root else str(error.filename))
        raise DataError(
            f"{recording} cannot be read, {error.strerror}: check that it is there and may be read"
        ) from error
    named = dict.fromkeys(files, "")
    for row, file in zip(rows, files, strict=True):
        for one in {file, first[file]}:  # a copy tells of the others too where nothing is said of them
            named[one] = named[one] or row.group
    folds = tuple(row.fold for row in rows if row.fold is not None)
    return LabelledClips(
        tuple(files),
        tuple(row.label for row in rows),
        folds or None,
        name,
        groups=tuple(named[file] or named[first[file]] or str(first[file]) for file in files),
        root=root,
        left_out=left_out,
        notices=(*notices, *more),
        columns=tuple(_grouping_columns(rows)),
    )


def _grouping_columns(rows: Sequence[Row]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Find the columns that put the recordings into a few groups, and not only into their classes again."""
    tables = [dict(row.more) for row in rows]
    for title in tables[0] if tables else ():
        if not all(title in table for table in tables):
            continue
        values = tuple(table[title] or NOT_GIVEN for table in tables)
        pairs = {(value, row.label) for value, row in zip(values, rows, strict=True)}
        if 1 < len(set(values)) <= MAX_GROUPS and len(pairs) > len(set(values)):
            yield title, values


def usable(rows: Sequence[Row], name: str, skip_bad: bool) -> tuple[list[Row], tuple[LeftOut, ...]]:
    """Return the lines that can be used, and those that are left out.

    Raises:
        DataError: some cannot be used and are not to be left out, or none can.
    """
    bad = [row for row in rows if row.problem]
    if len(bad) == 1 and not skip_bad:
        raise DataError(f"{bad[0].where} {bad[0].problem}")
    reasons = [LeftOut(row.where.rstrip(","), row.label, row.problem.rpartition(": ")[0]) for row in bad]
    if bad and not skip_bad:
        raise DataError(
            f"{counted(len(bad), 'line')} of {name} cannot be used: {list_left_out(reasons)}. Correct or remove them,"
            " or go on without them (--skip-bad)"
        )
    if len(bad) == len(rows):
        raise DataError(f"{name} has no recording that can be used: {list_left_out(reasons)}")
    return [row for row in rows if not row.problem], tuple(reasons)


def read_folder(
    folder: Path, name: str | None = None, stay_inside: bool = False, skip_bad: bool = False
) -> LabelledClips:
    """Read a folder as `LabelledClips.from_folder` does.

    Args:
        folder: which.
        name: what to call it, by default by its own name.
        stay_inside: refuse a table that names recordings outside of the folder: someone else wrote it.
        skip_bad: leave out the lines of a table that cannot be used.
    """
    name = name or one_line(folder.absolute().name)
    if not is_folder(folder):
        raise DataError(f"{name} is not a folder: give one that holds a folder of recordings for each class")
    try:
        files = sorted(files_under(folder))
    except OSError as error:
        raise DataError(f"{name} cannot be read, {error.strerror}: give the path of a folder") from error
    exists = None if stay_inside else partial(_is_file_below, folder)
    rows, notices = lay_out(files, lambda path: read_table(folder / path, path.as_posix()), name, exists)
    if len(files) > MAX_FILES:
        notices.append(f"{name} holds over {MAX_FILES:,} files, and not all of them were looked at: take some away")
    return assemble(rows, lambda file: folder / file, name, folder, skip_bad, notices)


def files_under(folder: Path) -> list[PurePath]:
    """Return the files in a folder and its folders that are not hidden, relative to it; a part of very many."""
    found: list[PurePath] = []

    def fail(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise error

    for parent, names in walk(folder, fail):
        within = PurePath(os.path.relpath(parent, folder))
        files = (within / name for name in names)
        found += [file for file in files if (folder / file).is_file()]
        if len(found) > MAX_FILES:
            break
    return found


def _is_file_below(folder: Path, path: PurePosixPath) -> bool:
    return is_file(folder / path)


def _listed(folds: Collection[int]) -> str:
    return ", ".join(map(str, sorted(set(folds))))
