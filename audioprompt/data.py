"""Labelled clips: what accuracy is measured on and what few-shot methods learn from."""

import csv
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DELIMITERS = ",;\t"


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
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    folds: tuple[int, ...] | None = None
    name: str = "clips"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", self.classes or tuple(sorted(set(self.labels))))

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
        return tuple(name.replace("_", " ").strip() for name in self.classes)

    def in_folds(self, folds: Collection[int]) -> "LabelledClips":
        """The clips of some folds.

        Raises:
            DataError: the data has no folds, or lacks one of these.
        """
        if self.folds is None:
            raise DataError(f"{self.name} has no folds: add a column named fold, or leave the folds out")
        if missing := set(folds) - set(self.folds):
            raise DataError(f"{self.name} has no fold {_listed(missing)}; its folds are {_listed(self.folds)}")
        kept = [row for row, fold in enumerate(self.folds) if fold in folds]
        return replace(
            self,
            paths=tuple(self.paths[row] for row in kept),
            labels=tuple(self.labels[row] for row in kept),
            folds=tuple(self.folds[row] for row in kept),
        )

    @classmethod
    def from_manifest(cls, path: str | os.PathLike[str]) -> "LabelledClips":
        """Read a CSV file with the columns ``path,classname`` and, if there are folds, ``fold``.

        Paths are relative to the manifest. Commas, semicolons or tabs may separate the columns; other columns and
        blank lines are passed over.

        Raises:
            DataError: the manifest cannot be read, lacks a column or has no row; or a row lacks its class name, has a
                fold that is no whole number, or names a recording that is not there.
        """
        path = Path(path)
        rows = _rows(path)
        where, header = next(rows, (path.name, []))
        columns = {title.strip().lower(): number for number, title in enumerate(header)}
        for title in ("path", "classname"):
            if title not in columns:
                raise DataError(f"{where} has no column named {title}: the first line must be path,classname[,fold]")
        paths, labels, folds = [], [], []
        for where, cells in rows:
            row = {title: cells[number].strip() for title, number in columns.items() if number < len(cells)}
            paths.append(_recording(path.parent, row.get("path", ""), where))
            labels.append(_class_name(row.get("classname", ""), where))
            if "fold" in columns:
                folds.append(_fold(row.get("fold", ""), where))
        if not paths:
            raise DataError(f"{path.name} lists no clips: add a line for each, path,classname")
        name = f"{path.absolute().parent.name}/{path.stem}".lstrip("/")
        return cls(tuple(paths), tuple(labels), tuple(folds) if folds else None, name)


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The rows of a CSV file that are not blank, the header first, each with where it stands."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            lines = csv.reader(file, delimiter=max(DELIMITERS, key=first.count))
            for cells in lines:
                if any(cell.strip() for cell in cells):
                    yield f"{path.name}, line {lines.line_num},", cells
    except OSError as error:
        raise DataError(f"{path.name} cannot be read, {error.strerror}: give the path of a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} is no CSV file in UTF-8 ({error}): save it as one") from error


def _recording(folder: Path, text: str, where: str) -> Path:
    if not text:
        raise DataError(f"{where} has no path: name the recording or remove the line")
    path = folder / text
    if not path.is_file():
        raise DataError(f"{where} names {text}, which is not there: paths are relative to the manifest")
    return path


def _class_name(text: str, where: str) -> str:
    if not text:
        raise DataError(f"{where} has no classname: name the class or remove the line")
    return text


def _fold(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(f"{where} has the fold {text!r}: folds are whole numbers") from None


def _listed(folds: Collection[int]) -> str:
    return ", ".join(map(str, sorted(set(folds))))
