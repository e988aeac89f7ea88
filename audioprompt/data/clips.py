"""Labelled clips, and the two ways in which they lie on a disk: a manifest, or a folder for each class."""

import csv
import io
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from audioprompt.data.alike import first_alike
from audioprompt.lines import one_line

MAX_CLIPS = 50_000
MAX_CLASSES = 1_000
MAX_CHARACTERS = 20_000_000  # of a manifest: 400 for each clip, and much more than can be used
MAX_DIGITS = 9  # of a fold
DELIMITERS = ",;\t"
COLUMNS = ("path", "classname", "fold", "group", "source")
MANIFEST = "manifest.csv"
SOUNDS = (
    {".aac", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mka", ".mkv", ".mov", ".mp3", ".mp4"}
    | {".oga", ".ogg", ".opus", ".tta", ".w64", ".wav", ".webm", ".wma", ".wv"}
)  # fmt: skip
PARTS = {"dev", "eval", "evaluation", "test", "testing", "train", "training", "val", "valid", "validation"}


class DataError(ValueError):
    """A data set cannot be used; the message names the file and line and says what is wrong."""


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

    Raises:
        DataError: there are more clips or classes than can be handled.
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    folds: tuple[int, ...] | None = None
    name: str = "clips"
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", self.classes or tuple(sorted(set(self.labels))))
        object.__setattr__(self, "groups", self.groups or tuple(map(str, self.paths)))
        check_size(self.name, clips=len(self.paths), classes=len(self.classes))

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def truth(self) -> NDArray[np.intp]:
        """The class of each clip as an index into ``classes``, ``[N]``."""
        index = {name: number for number, name in enumerate(self.classes)}
        return np.array([index[label] for label in self.labels], np.intp)

    @property
    def spoken_classes(self) -> tuple[str, ...]:
        """The class names as a prompt says them: underscores become blanks."""
        return tuple(one_line(name.replace("_", " ")) for name in self.classes)

    def take(self, rows: Sequence[int]) -> "LabelledClips":
        """Some of the clips, by their positions."""
        return replace(
            self,
            paths=tuple(self.paths[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            folds=self.folds and tuple(self.folds[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
        )

    def in_folds(self, folds: Collection[int]) -> "LabelledClips":
        """The clips of some folds.

        Raises:
            DataError: the data has no folds, or lacks one of these.
        """
        if self.folds is None:
            raise DataError(f"{self.name} has no folds: add a column named fold, or leave the folds out")
        if missing := set(folds) - set(self.folds):
            raise DataError(f"{self.name} has no fold {_listed(missing)}; its folds are {_listed(self.folds)}")
        return self.take([row for row, fold in enumerate(self.folds) if fold in folds])

    @classmethod
    def from_manifest(cls, path: str | os.PathLike[str]) -> "LabelledClips":
        """Read a CSV file with the columns ``path,classname`` and, where there are such, ``fold`` and ``group``.

        Paths are relative to the manifest. Commas, semicolons or tabs may separate the columns; other columns and
        blank lines are passed over. ``group`` (or ``source``) names the recording that a clip was cut from; a clip
        without one is its own group, together with all files of the very same content.

        Raises:
            DataError: the manifest cannot be read, lacks a column or has no row; or a row lacks its class name, has a
                fold that is no whole number, or names a recording that is not there.
        """
        path = Path(path)
        name = one_line(f"{path.absolute().parent.name}/{path.stem}".lstrip("/"))
        rows = read_rows(path)
        return assemble(rows, [_recording(path.parent, row) for row in rows], name)

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> "LabelledClips":
        """Read a folder that holds a folder of recordings for each class, or a manifest.

        The folders may lie together in one more folder, and may have folders of their own. Hidden files and everything
        that is no recording are passed over.

        Raises:
            DataError: the folder cannot be read or holds no recording, a recording lies in no class's folder, there is
                but one class, or several CSV files; or as for `from_manifest`.
        """
        return read_folder(Path(folder))


def check_size(name: str, *, clips: int, classes: int = 0) -> None:
    """Raise a DataError where there are more clips or classes than can be handled."""
    for number, most, what in ((clips, MAX_CLIPS, "clips"), (classes, MAX_CLASSES, "classes")):
        if number > most:
            raise DataError(f"{name} has {number:,} {what}, and at most {most:,} can be used: choose some of them")


# --- manifests --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One line of a manifest.

    Attributes:
        where: file and line, for messages.
        recording: the path as it is written.
        label: the class name.
        fold: None where there is no such column.
        group: empty where none is given.
    """

    where: str
    recording: str
    label: str
    fold: int | None = None
    group: str = ""


def read_rows(path: Path) -> list[Row]:
    """The lines of a manifest; whether the recordings are there is not looked at.

    Raises:
        DataError: as for `LabelledClips.from_manifest`.
    """
    lines = _lines(path)
    where, header = next(lines, (one_line(path.name), []))
    titles = {title.strip().lower(): number for number, title in enumerate(header)}
    columns = {title: titles[title] for title in COLUMNS if title in titles}
    for title in ("path", "classname"):
        if title not in columns:
            raise DataError(f"{where} has no column named {title}: the first line must be path,classname[,fold]")
    rows = []
    for where, cells in lines:
        cell = {title: cells[number].strip() for title, number in columns.items() if number < len(cells)}
        if not (recording := cell.get("path", "")):
            raise DataError(f"{where} has no path: name the recording or remove the line")
        if not (label := one_line(cell.get("classname", ""))):
            raise DataError(f"{where} has no classname: name the class or remove the line")
        fold = _fold(cell.get("fold", ""), where) if "fold" in columns else None
        rows.append(Row(where, recording, label, fold, one_line(cell.get("group") or cell.get("source", ""))))
        check_size(one_line(path.name), clips=len(rows))
    if not rows:
        raise DataError(f"{one_line(path.name)} lists no clips: add a line for each, path,classname")
    return rows


def assemble(rows: Sequence[Row], files: Sequence[Path], name: str) -> LabelledClips:
    """Labelled clips from the lines of a manifest and the recordings these turned out to be."""
    check_size(name, clips=len(rows))
    try:
        first = first_alike(files)
    except OSError as error:
        recording = one_line(Path(error.filename).name)
        raise DataError(
            f"{recording} cannot be read, {error.strerror}: check that it is there and may be read"
        ) from error
    named = {file: row.group for row, file in zip(rows, files, strict=True)}
    folds = tuple(row.fold for row in rows if row.fold is not None)
    return LabelledClips(
        tuple(files),
        tuple(row.label for row in rows),
        folds or None,
        name,
        groups=tuple(named[file] or named[first[file]] or str(first[file]) for file in files),
    )


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The lines of a CSV file that are not blank, the header first, each with where it stands."""
    name = one_line(path.name)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read(MAX_CHARACTERS + 1)
        if len(text) > MAX_CHARACTERS:
            raise DataError(f"{name} is too long for a manifest: keep it under {MAX_CHARACTERS // 1_000_000} MB")
        first = next((line for line in io.StringIO(text) if line.strip()), "")
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=first.count))
        for cells in lines:
            if any(cell.strip() for cell in cells):
                yield f"{name}, line {lines.line_num},", cells
    except OSError as error:
        raise DataError(f"{name} cannot be read, {error.strerror}: give the path of a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name} is no CSV file in UTF-8 ({error}): save it as one") from error


def _fold(text: str, where: str) -> int:
    try:
        if len(text) <= MAX_DIGITS:
            return int(text)
    except ValueError:
        pass
    raise DataError(
        f"{where} has the fold {one_line(text[:40])!r}: folds are whole numbers of at most {MAX_DIGITS} digits"
    )


def _recording(folder: Path, row: Row) -> Path:
    try:
        if (path := folder / row.recording).is_file():
            return path
    except (OSError, ValueError):  # it is too long, or holds a NUL
        pass
    raise DataError(
        f"{row.where} names {one_line(row.recording[:200])}, which is not there: paths are relative to the manifest"
    )


# --- folders ----------------------------------------------------------------------------------------------------------


def read_folder(folder: Path, name: str | None = None, stay_inside: bool = False) -> LabelledClips:
    """Read a folder as `LabelledClips.from_folder` does.

    Args:
        folder: which.
        name: what to call it, by default by its own name.
        stay_inside: refuse a manifest that names recordings outside of the folder: someone else wrote it.
    """
    name = name or one_line(folder.absolute().name)
    if not folder.is_dir():
        raise DataError(f"{name} is no folder: give one that holds a folder of recordings for each class")
    try:
        found = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if wanted(path) and path.is_file()]
    except OSError as error:
        raise DataError(f"{name} cannot be read, {error.strerror}: give the path of a folder") from error
    files = [path for path in found if not hidden(path)]
    manifest = find_manifest(files, name)
    if manifest is None:
        rows = rows_by_folder([path for path in files if is_sound(path)], name)
        return assemble(rows, [folder / row.recording for row in rows], name)
    rows = read_rows(folder / manifest)
    if stay_inside:
        rows = [replace(row, recording=str(inside(row.recording, row.where))) for row in rows]
    return assemble(rows, [_recording((folder / manifest).parent, row) for row in rows], name)


def is_sound(path: PurePath) -> bool:
    """Whether a file's ending is that of a recording."""
    return path.suffix.lower() in SOUNDS


def wanted(path: PurePath) -> bool:
    """Whether a file may be a recording or a manifest, by its ending."""
    return is_sound(path) or path.suffix.lower() == ".csv"


def hidden(path: PurePath) -> bool:
    """Whether a file is hidden, or lies in a folder that is."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def find_manifest(files: Iterable[PurePath], name: str) -> PurePath | None:
    """The manifest among the files of a folder: at the top, or in the one folder that everything lies in.

    Raises:
        DataError: there are several CSV files, and none is called ``manifest.csv``.
    """
    files = list(files)
    top = _common_folders(files, keep=1)
    tables = [path for path in files if len(path.parts) == top + 1 and path.suffix.lower() == ".csv"]
    named = [path for path in tables if path.name.lower() == MANIFEST]
    if len(tables) > 1 and not named:
        names = ", ".join(one_line(path.name) for path in tables[:3]) + ", ..." * (len(tables) > 3)
        raise DataError(f"{name} holds several CSV files, {names}: call the one to use {MANIFEST}")
    return next(iter(named or tables), None)


def rows_by_folder(files: Sequence[PurePath], name: str) -> list[Row]:
    """Label recordings by the folders they lie in; paths are relative.

    Raises:
        DataError: there is none, one lies in no folder, there is but one folder, or the folders are named like
            splits.
    """
    if not files:
        raise DataError(f"{name} holds no recordings: put those of each class in a folder named after it")
    check_size(name, clips=len(files))
    top = _common_folders(files, keep=2)
    for path in files:
        if len(path.parts) < top + 2:
            raise DataError(
                f"{name} holds {one_line(str(path))}, which lies in no class's folder: put the recordings of each"
                " class in a folder named after it"
            )
    names = {path.parts[top] for path in files}
    if all(one.lower() in PARTS for one in names) and any(len(path.parts) > top + 2 for path in files):
        raise DataError(f"{name} is split into {', '.join(sorted(names))}: give one of these folders")
    rows = [Row(str(path), str(path), one_line(path.parts[top])) for path in files]
    labels = {row.label for row in rows}
    if "" in labels:
        raise DataError(f"{name} has a folder whose name is blank: name it after the class of its recordings")
    if len(labels) < 2:
        raise DataError(f"{name} has but one class, {', '.join(labels)}: make a folder for each of two or more classes")
    return rows


def inside(text: str, where: str) -> PurePosixPath:
    """A path that another person wrote, once it is sure that it leads into the folder it is relative to.

    Raises:
        DataError: it is absolute, holds ``..`` or nothing at all.
    """
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(text).drive or ".." in path.parts or not path.parts:
        raise DataError(f"{where} names {one_line(text[:99])!r}, which leads out of the folder: use relative paths")
    return path


def _common_folders(files: Sequence[PurePath], keep: int) -> int:
    """How many folders all files lie in together, where each is to keep some parts of its path."""
    shared = 0
    while files and all(
        len(path.parts) > shared + keep and path.parts[shared] == files[0].parts[shared] for path in files
    ):
        shared += 1
    return shared


def _listed(folds: Collection[int]) -> str:
    return ", ".join(map(str, sorted(set(folds))))
