"""A data set of the papers read from its folder: as its authors publish it, or as the hub's copies of PALM's are."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from random import Random

from audioprompt.data.clips import LabelledClips, assemble, files_under, refuse_classes_alike
from audioprompt.data.layouts import Listing, is_sound, locate
from audioprompt.data.papers.entries import PaperSet
from audioprompt.data.tables import DataError, Row, read_table
from audioprompt.util.text import named, one_line

SPLITS = {"train": 1, "test": 2}  # folds, of a set that is divided once
SPLIT_TABLE = re.compile(r"(train|test)(?:_(\d+))?\.csv", re.IGNORECASE)
MOST_TO_LEARN, MOST_LINES = 500, 20_000  # training clips of a class, and of all that a table lists
LISTED = re.compile(r"[^\s\"',;/\\]+\.(?:wav|au)\b", re.IGNORECASE)


def read_set(one: PaperSet, folder: Path, skip_bad: bool = False) -> LabelledClips:
    """Read a data set as a paper uses it.

    Folds are the paper's; where it divides a set once, training is fold 1 and test fold 2, and of a class's many
    training clips there are 500, drawn by chance, which is plenty for few shots.

    Args:
        one: which.
        folder: that holds its files, perhaps some folders further down.
        skip_bad: leave out what cannot be used, and note it in the clips' ``left_out``.

    Raises:
        DataError: it is another folder, a part of the files is missing, metadata and files contradict each other, or a
            class has no clip; the message names the file and says what to do.
    """
    rows = _thinned(find_rows(one, folder))
    if has_one_part(one, rows):
        raise DataError(
            f"{one_line(str(folder))} has only one of the parts that {one.name} is divided into: get the rest with"
            f" audioprompt data get {one.name}"
        )
    clips = assemble(rows, lambda file: folder / file, one.name, folder, skip_bad)
    absent = [name for name in one.classes if name not in clips.labels and name not in one.absent]
    if absent:
        raise DataError(
            f"{one_line(str(folder))} has no clip of {named(absent)}, of the {len(one.classes)} classes of {one.name}:"
            f" get the rest with audioprompt data get {one.name}"
        )
    clips = replace(clips, classes=one.classes)
    refuse_classes_alike(clips)
    return clips


def _thinned(rows: Sequence[Row]) -> list[Row]:
    """Return rows with fewer to learn from, where they are divided once."""
    if {row.fold for row in rows} != set(SPLITS.values()):
        return list(rows)
    drawn = Counter[str]()
    order = list(range(len(rows)))
    Random(0).shuffle(order)
    kept = set()
    for row in order:
        if rows[row].fold == SPLITS["train"] and not rows[row].problem:
            drawn[rows[row].label] += 1
            if drawn[rows[row].label] > MOST_TO_LEARN:
                continue
        kept.add(row)
    return [row for number, row in enumerate(rows) if number in kept]


def has_one_part(one: PaperSet, rows: Sequence[Row]) -> bool:
    """Whether one fold is all that is there of a divided data set, so that it can teach or test but not both."""
    folds = {row.fold for row in rows if not row.problem}
    return not one.part and len(folds) == 1 and folds != {None}


def find_rows(one: PaperSet, folder: Path) -> list[Row]:
    """Return the recordings of a data set with their classes, and what is wrong with those that cannot be used.

    Raises:
        DataError: it is not a folder of this data set.
    """
    if not folder.is_dir():
        raise DataError(f"{one_line(str(folder))} is not a folder: give the one that holds {one.layout.example}")
    files = [PurePosixPath(path.as_posix()) for path in files_under(folder)]
    tables = [path for path in files if SPLIT_TABLE.fullmatch(path.name)]
    found = _by_split_tables(one, folder, files, tables) if tables else _Original(one, folder, files).rows()
    if not found:
        raise DataError(
            f"{one_line(str(folder))} holds no recording of {one.name}, such as {one.layout.example}: give the folder"
            f" that does, or get it with audioprompt data get {one.name}"
        )
    return found


# --- as the hub has PALM's --------------------------------------------------------------------------------------------


def _by_split_tables(
    one: PaperSet, folder: Path, files: Sequence[PurePosixPath], tables: Sequence[PurePosixPath]
) -> list[Row]:
    """Read ``train.csv`` and ``test.csv``, or the test part of each fold, which together are all there is."""
    listing = cache(lambda: Listing(path for path in files if is_sound(path)))
    rows: list[Row] = []
    for path in tables:
        split, fold = _split_of(path)
        if (fold and split == "train") or (one.part and not fold and split != one.part):
            continue
        table = read_table(folder / path, str(path))
        if split == "train" and len(table.lines) > MOST_LINES:
            table = replace(table, lines=Random(0).sample(table.lines, MOST_LINES))
        for row in locate(table.rows(), path, listing):
            label = one.label_of(row.label)
            problem = row.problem or (
                "" if label else f"has the class {row.label!r}, which is none of {one.name}: correct it, or remove it"
            )
            rows.append(
                replace(row, label=label or row.label, fold=fold or SPLITS[split], split="", problem=problem, group="")
            )
    if one.part:
        rows = [replace(row, fold=None) for row in rows]
    return rows


def _split_of(table: PurePath) -> tuple[str, int | None]:
    found = SPLIT_TABLE.fullmatch(table.name)
    assert found
    return found[1].lower(), int(found[2]) if found[2] else None


# --- as its authors publish it ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Original:
    """The files of a data set in its original layout."""

    one: PaperSet
    folder: Path
    files: Sequence[PurePosixPath]

    def rows(self) -> list[Row]:
        """Return a row for each recording, and for each that metadata or a list names though it is missing."""
        matches = {path: found for path in self.files if (found := self.one.layout.pattern.search(str(path)))}
        if not matches:
            return []
        records, parts = dict(self._records()), self._parts()
        if records or parts:  # names are unique then, and a second copy at another rate is none
            matches = {path: matches[path] for path in {path.name: path for path in reversed(matches)}.values()}
        known = {path.name for path in matches}
        missing = dict.fromkeys(records, "the metadata") | dict.fromkeys(parts, "the list of its part")
        rows = [self._row(path, found.groupdict(), records, parts) for path, found in sorted(matches.items())]
        rows += [
            Row(
                name, name, "", split=parts.get(name, ""), problem=f"is not there, though {source} has it: get it again"
            )
            for name, source in missing.items()
            if name not in known and self._used(records.get(name, {}))
        ]
        return list(self._of_part(row for row in rows if row is not None))

    def _row(self, path: PurePosixPath, told: dict, records: dict, parts: dict) -> Row | None:
        """Return what names and metadata say of a recording; None where its class is not used."""
        record = records.get(path.name, {})
        by_name, by_record = (one.get(self.one.label_group) for one in (told, record))
        code = by_record or by_name or ""
        label = self.one.label_of(code)
        problem = ""
        if records and path.name not in records:
            problem = "is not in the metadata: remove it, or get the metadata again"
        elif by_name and by_record and self.one.label_of(by_name) != label:
            problem = f"is of class {by_name} by its name and of {by_record} by the metadata: get both again"
        elif label is None:
            return None
        part = parts.get(path.name) or record.get("fold") or told.get("fold") or (told.get("split") or "").lower()
        group = record.get("group") or told.get("group") or ""
        fold = int(part) if part.isdecimal() else None
        return Row(
            str(path),
            str(path),
            label or "",
            fold=fold,
            group=group,
            split="" if fold else part,
            problem=problem,
            file=path,
        )

    def _used(self, record: dict) -> bool:
        """Whether a recording of which only this is known may be of a class that is used."""
        code = record.get(self.one.label_group)
        return code is None or self.one.label_of(code) is not None

    def _of_part(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Keep the part of the data that is used; splits become folds where both are."""
        for row in rows:
            if self.one.part and row.split not in ("", self.one.part):
                continue
            if row.split and not self.one.part and not row.split.isdecimal() and row.split not in SPLITS:
                continue  # a validation part, which the papers leave aside
            yield replace(row, fold=row.fold or (None if self.one.part else SPLITS.get(row.split)), split="")

    def _records(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield what the metadata says of each recording, by the recording's name.

        Raises:
            DataError: the metadata is not there, or is something else.
        """
        about = self.one.layout.metadata
        if not about:
            return
        for path in self._called(about["file"]):
            for line in self._lines(path, about.get("columns"), "name" not in about):
                name = PurePosixPath(line.get(about.get("name", "name")) or "").name
                if not name:
                    raise DataError(f"{path} has no column of names called {about['name']}: get it again")
                code = line.get(about["label"], "") if "label" in about else ""
                rest = {key: line[about[key]] for key in ("fold", "group") if line.get(about.get(key, ""))}
                yield name, {**rest, **({self.one.label_group: code} if code else {})}

    def _lines(self, path: PurePosixPath, columns: Sequence[str] | None, keyed: bool) -> list[dict[str, str]]:
        try:
            text = (self.folder / path).read_text("utf-8-sig")
            if keyed:
                return [{"name": f"{name}.wav"} for name in dict(json.loads(text))]
            return list(csv.DictReader(text.splitlines(), columns, delimiter="\t" if columns else ","))
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise DataError(f"{path} cannot be read ({one_line(str(error))[:100]}): get it again") from error

    def _parts(self) -> dict[str, str]:
        """Return the fold or split of each recording that a list names."""
        return {
            PurePosixPath(name).name: part
            for part, file in self.one.layout.lists.items()
            for path in self._called(file)
            for name in LISTED.findall((self.folder / path).read_text("utf-8", errors="replace"))
        }

    def _called(self, file: str) -> list[PurePosixPath]:
        """Return the files of a name, of which there is at least one."""
        if found := [path for path in self.files if f"/{path}".endswith(f"/{file}")]:
            return found
        raise DataError(
            f"{one_line(str(self.folder))} lacks {file} of {self.one.name}, which says"
            f" {'what the recordings are' if file == self.one.layout.metadata.get('file') else 'how they are divided'}:"
            f" get it again, audioprompt data get {self.one.name}"
        )
