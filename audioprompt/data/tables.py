"""Tables that list recordings and their classes, as people and programs write them: CSV, TSV and JSON lines.

`read_table` takes what spreadsheets and other machines make of such a file; `Table.rows` gives its lines under the
names that this package uses, whatever the columns are called.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath

from audioprompt.errors import AudiopromptError
from audioprompt.util.text import one_line

MAX_CLIPS = 50_000
MAX_CLASSES = 1_000
MAX_CHARACTERS = 20_000_000  # of a table: 400 for each clip, and much more than can be used
MAX_TITLES = 10_000  # columns: tables of features, beside which recordings may be listed, have some thousands
MAX_DIGITS = 9  # of a fold
MAX_COLUMNS = 20  # kept besides those that are understood
MAX_VALUE = 60  # characters of what such a column says of a recording
DELIMITERS = ",;\t|"
TABLES = (".csv", ".tsv", ".jsonl")  # endings

# What columns are called, the likeliest name first; read without regard to case, blanks, hyphens and underscores.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": (
        *("path", "file_name", "slice_file_name", "file", "audio", "fname"),
        *("file_path", "audio_path", "audio_file", "audio_file_name", "wav", "wav_file"),
    ),
    "classname": ("classname", "label", "class", "category", "label_name", "class_label"),
    "fold": ("fold",),
    "group": ("group", "source", "src_file", "fsid", "freesound_id", "source_file", "source_id", "recording_id"),
    "split": ("split", "subset", "partition"),
}
MISSING = {"", "nan", "<na>", "#n/a", "#na", "n/a"}  # a class may well be called none, null or NA

FOLD_NAME = re.compile(r"(?:fold|split|cv|part|partition)[ _-]*0*(\d{1,9})", re.IGNORECASE)
SPLIT_NAME = re.compile(
    r"(?:audio[ _-]?)?"
    r"(?:(train|training)|(dev|development|val|valid|validation)|(test|testing|eval|evaluation|holdout))"
    r"(?:[ _-]?(?:set|data|audio|clips|split|\d{1,4}))?",
    re.IGNORECASE,
)


class DataError(AudiopromptError, ValueError):
    """A data set cannot be used; the message names the file and line and says what is wrong."""


def check_size(name: str, *, clips: int, classes: int = 0) -> None:
    """Raise a DataError where there are more clips or classes than can be handled."""
    for number, most, what in ((clips, MAX_CLIPS, "clips"), (classes, MAX_CLASSES, "classes")):
        if number > most:
            raise DataError(f"{name} has {number:,} {what}, and at most {most:,} can be used: choose some of them")


@dataclass(frozen=True)
class Row:
    """One recording with its class, as a table or a folder's name has it.

    Attributes:
        where: file and line, for messages.
        recording: the path as it is written.
        label: the class name; empty where there is none.
        fold: None where there is no such column.
        group: empty where none is given.
        split: ``train``, ``test`` and the like; empty where none is given.
        problem: why the line cannot be used, as the end of a sentence that begins with ``where``.
        file: the recording within the data set, once it is found.
        more: what the other columns say of the recording, by their titles.
    """

    where: str
    recording: str
    label: str
    fold: int | None = None
    group: str = ""
    split: str = ""
    problem: str = ""
    file: PurePosixPath | None = None
    more: tuple[tuple[str, str], ...] = ()


Locates = Callable[[str], bool]


@dataclass(frozen=True)
class Table:
    """The lines of a table that are not blank.

    Attributes:
        name: of the file, for messages.
        where: the line of the titles, for messages.
        titles: of the columns, in lower case and without blanks, hyphens and underscores.
        names: the titles as they are written.
        lines: each with where it is.
        notice: how it was read, where that is a guess.
    """

    name: str
    where: str
    titles: tuple[str, ...]
    names: tuple[str, ...]
    lines: Sequence[tuple[str, Sequence[str]]]
    notice: str = ""

    def columns(self, kind: str) -> list[int]:
        """Return the columns of a kind, a key of ``COLUMNS``, the likeliest first."""
        wanted = [plain_title(name) for name in COLUMNS[kind]]
        return [self.titles.index(name) for name in wanted if name in self.titles]

    @cached_property
    def lacks(self) -> str:
        """What keeps the table from listing clips, as a sentence; empty where nothing does."""
        for kind in ("path", "classname"):
            if not self.columns(kind):
                return (
                    f"{self.where} has no column named {kind} ({', '.join(COLUMNS[kind][1:5])} are understood too):"
                    " the first line must name the columns, path,classname[,fold]"
                )
        return "" if self.lines else f"{self.name} lists no clips: add a line for each, path,classname"

    def rows(self, there: Locates | None = None) -> list[Row]:
        """Return the lines as recordings with their classes.

        Args:
            there: whether a path as it is written names a recording; tells which of several columns names the files.

        Raises:
            DataError: the table lists no clips, or too many.
        """
        if self.lacks:
            raise DataError(self.lacks)
        check_size(self.name, clips=len(self.lines))
        path = self._column_of_paths(there)
        label = self._column_of_labels()
        group = self._column_of_groups()
        fold, split = (next(iter(self.columns(kind)), None) for kind in ("fold", "split"))
        if split is not None and not all(SPLIT_NAME.fullmatch(one) for one in self._values(split)):
            split = None
        others = self._other_columns()
        rows = []
        for where, cells in self.lines:
            recording, name = _cell(cells, path), one_line(_cell(cells, label))
            problem = ""
            number = None
            if not recording:
                problem = "has no path: name the recording or remove the line"
            elif name.casefold() in MISSING:
                name, problem = "", "has no classname: name the class or remove the line"
            if fold is not None:
                try:
                    number = _fold(_cell(cells, fold))
                except ValueError as error:
                    problem = problem or str(error)
            grouped = one_line(_cell(cells, group))
            grouped = "" if grouped.casefold() in MISSING else grouped
            more = tuple((title, one_line(_cell(cells, column))[:MAX_VALUE]) for title, column in others)
            rows.append(Row(where, recording, name, number, grouped, _cell(cells, split).lower(), problem, more=more))
        return rows

    def _values(self, column: int) -> list[str]:
        return [value for _, cells in self.lines if (value := _cell(cells, column))]

    def _other_columns(self) -> list[tuple[str, int]]:
        """Return the columns that are not understood, with their titles."""
        others = [
            (one_line(name)[:MAX_VALUE], column)
            for column, (title, name) in enumerate(zip(self.titles, self.names, strict=True))
            if title and title not in _KNOWN
        ]
        return others[:MAX_COLUMNS]

    def _column_of_paths(self, there: Locates | None) -> int:
        columns = self.columns("path")
        if there is None or len(columns) == 1:
            return columns[0]
        return max(columns, key=lambda column: sum(map(there, self._values(column)[:100])))  # the first of equals

    def _column_of_labels(self) -> int:
        """Return the column of readable names: many tables have numbers for the classes as well."""
        columns = self.columns("classname")
        return next((column for column in columns if not all(map(_is_number, self._values(column)))), columns[0])

    def _column_of_groups(self) -> int | None:
        """Return the first column that tells recordings apart: one that has the same value everywhere says nothing."""
        for column in self.columns("group"):
            values = self._values(column)
            if len(values) < len(self.lines) or len(set(values)) > 1 or len(values) == 1:
                return column
        return None


def read_table(path: Path, name: str | None = None) -> Table:
    """Read a table of recordings.

    CSV in UTF-8, UTF-16 or, where it is neither, in Windows' Western encoding, with commas, semicolons, tabs or bars
    between the columns and perhaps a spreadsheet's ``sep=;`` before them; or an object of JSON in each line.

    Args:
        path: the file.
        name: what to call it in messages.

    Raises:
        DataError: it cannot be read, or is not such a table.
    """
    name = one_line(name or path.name)
    try:
        with path.open("rb") as file:
            content = file.read(2 * MAX_CHARACTERS + 2)
    except OSError as error:
        raise DataError(f"{name} cannot be read, {error.strerror}: give the path of a CSV file") from error
    try:
        text, notice = _decoded(content) if len(content) <= 2 * MAX_CHARACTERS else ("", "")
        if (content and not text) or len(text) > MAX_CHARACTERS:
            raise DataError(f"{name} is too long for a manifest: keep it under {MAX_CHARACTERS // 1_000_000} MB")
        if path.suffix.lower() == ".jsonl":
            header, lines = _of_json(text)
            where = name
        else:
            numbered = _of_csv(text)
            first, header = next(numbered, (0, []))
            lines = list(numbered)
            where = f"{name}, line {first}," if header else name
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{name} is not a CSV file in UTF-8 ({one_line(str(error))[:200]}): save it as one") from error
    if len(header) > MAX_TITLES:
        raise DataError(
            f"{where} has {len(header):,} columns, and at most {MAX_TITLES:,} can be used: keep those that are needed"
        )
    titles = tuple(plain_title(title) for title in header)
    cells = [(f"{name}, line {number},", values) for number, values in lines]
    return Table(name, where, titles, tuple(header), cells, notice and f"{name} {notice}")


def split_rank(name: str) -> int | None:
    """Return the place of a split in their usual order: 0 for training, 1 for validation, 2 for test; None for other
    names.
    """
    found = SPLIT_NAME.fullmatch(name.strip())
    return found and next(rank for rank, part in enumerate(found.groups()) if part)


def fold_number(name: str) -> int | None:
    """Return the number in ``fold1``, ``fold_01`` or ``split 1``; None for other names."""
    found = FOLD_NAME.fullmatch(name.strip())
    return found and int(found[1])


def is_table(path: PurePath) -> bool:
    """Whether a file's ending is that of a table."""
    return path.suffix.lower() in TABLES


# --- how tables are written -------------------------------------------------------------------------------------------


def _decoded(content: bytes) -> tuple[str, str]:
    """Return the text, and what was guessed."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(encoding), ""
    beginning = content[:1000]
    if beginning.count(0) > len(beginning) // 4:  # UTF-16 without a mark: every other byte of a title is zero
        return content.decode("utf-16-be" if beginning[0] == 0 else "utf-16-le"), ""
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise error from None
        return text, "is not in UTF-8 and was read as Windows-1252: save it as UTF-8 if its names look wrong"


def _of_csv(text: str) -> Iterator[tuple[int, list[str]]]:
    """Return the lines that are not blank, each with its number."""
    delimiter = ""
    skipped = 0
    lines = io.StringIO(text, newline="")
    for line in io.StringIO(text):
        if line.strip():
            if hint := re.fullmatch(r'"?sep=(.)"?[\s,;]*', line.strip(" \r\n"), re.IGNORECASE):
                delimiter = hint[1]
                skipped += 1
                continue
            delimiter = delimiter or max(DELIMITERS, key=line.count)
            break
        skipped += 1
    for _ in range(skipped):
        lines.readline()
    reader = csv.reader(lines, delimiter=delimiter or ",")
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield skipped + reader.line_num, cells


def _of_json(text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the titles that are known or in the first object, and the lines with their numbers."""
    known: dict[str, str] = {}
    objects: list[tuple[int, dict[str, str]]] = []
    titles: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        found = json.loads(line)
        if not isinstance(found, dict):
            raise json.JSONDecodeError(f"line {number} is not an object", line, 0)
        if not objects:
            known = dict.fromkeys(_KNOWN, "") | {plain_title(key): key for key in list(found)[: 2 * MAX_COLUMNS]}
        cells = {title: _text(value) for key, value in found.items() if (title := plain_title(key)) in known}
        titles.update(dict.fromkeys(cells))
        objects.append((number, cells))
    lines = [(number, [cells.get(title, "") for title in titles]) for number, cells in objects]
    return [known[title] or title for title in titles], lines


def _text(value: object) -> str:
    if isinstance(value, dict):  # {"path": ..., "bytes": null}, as the hub writes audio
        value = value.get("path")
    return "" if value is None or isinstance(value, (list, dict)) else str(value)


def plain_title(title: str) -> str:
    """Return a column's title without what spelling adds to it: ``File name`` and ``file_name`` are the same."""
    return re.sub(r"[\s_-]+", "", title.strip("\ufeff \t\"'")).lower()


_KNOWN = {plain_title(name) for names in COLUMNS.values() for name in names}


def _cell(cells: Sequence[str], column: int | None) -> str:
    return cells[column].strip() if column is not None and column < len(cells) else ""


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.0*)?", text) is not None


def _fold(text: str) -> int:
    """Return a fold's number: 1, 1.0 as spreadsheets write it, or fold1.

    Raises:
        ValueError: it is none; the message is the end of a sentence.
    """
    if (named := fold_number(text)) is not None:
        return named
    whole = text.partition(".")[0] if _is_number(text) else text
    try:
        if len(whole) <= MAX_DIGITS:
            return int(whole)
    except ValueError:
        pass
    raise ValueError(
        f"has the fold {one_line(text[:40])!r}: folds are whole numbers of at most {MAX_DIGITS} digits"
    ) from None
