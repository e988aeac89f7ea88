"""Rows about recordings as a file: CSV, JSON or Parquet, by its ending."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any

from audioprompt.errors import AudiopromptError
from audioprompt.prompts.formats.csv import defuse
from audioprompt.services.folders.classify import Row
from audioprompt.util import whole
from audioprompt.util.places import is_folder
from audioprompt.util.text import encodable

COLUMNS = tuple(field.name for field in fields(Row))
ROWS_AT_ONCE = 10_000
BETWEEN = "; "  # labels in one cell


class TableError(AudiopromptError):
    """A table that cannot be written; the message says what to do."""


def check_table(path: Path) -> None:
    """Make sure that a table can be written to a path, before anything is heard for it.

    Raises:
        TableError: its ending is none of a table, or a library is missing.
    """
    if path.suffix.lower() not in WRITERS:
        raise TableError(f"{path.name} has no ending of a table. Give one of {', '.join(WRITERS)}.")
    if is_folder(path):
        raise TableError(f"{path} is a folder. Give the name of a file to write.")
    if path.suffix.lower() == ".parquet":
        _pyarrow()


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, the whole table or nothing of it.

    Raises:
        TableError: its ending is none of a table, a library is missing, or it cannot be written.
    """
    check_table(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole.written(path) as unfinished:
            WRITERS[path.suffix.lower()](unfinished, rows)
    except OSError as error:
        raise TableError(f"{path} cannot be written ({error.strerror}). Make room, or give another file.") from error


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        table.writerow(COLUMNS)
        for row in rows:
            table.writerow([_cell(value) for value in asdict(row).values()])


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case tuple():
            return defuse(BETWEEN.join(value))
        case str():
            return defuse(value)
    return value


def _write_json(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, row in enumerate(rows):
            file.write((",\n" if number else "\n") + json.dumps(_written(row)))
        file.write("\n]\n")


def _write_json_lines(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_written(row)) + "\n" for row in rows)


def _write_parquet(path: Path, rows: Iterable[Row]) -> None:
    arrow, parquet = _pyarrow()
    kinds = {"seconds": "f", "probability": "f", "start": "f", "end": "f", "known": "b", "heard": "l"}
    types = {"f": arrow.float64(), "b": arrow.bool_(), "l": arrow.list_(arrow.string()), "s": arrow.string()}
    schema = arrow.schema([(name, types[kinds.get(name, "s")]) for name in COLUMNS])
    with parquet.ParquetWriter(path, schema) as table:
        for some in _batches(rows):
            table.write_table(arrow.Table.from_pylist(list(map(_written, some)), schema=schema))


def _written(row: Row) -> dict[str, Any]:
    return {name: encodable(value) if isinstance(value, str) else value for name, value in asdict(row).items()}


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while some := list(islice(remaining, ROWS_AT_ONCE)):
        yield some


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise TableError(
            "Parquet needs a library that is not installed: pip install 'audioprompt[parquet]', or write .csv or .json."
        ) from None
    return pyarrow, pyarrow.parquet


WRITERS: Mapping[str, Callable[[Path, Iterable[Row]], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}
