"""Data sets of the Hugging Face hub by id: which of their files make up a split, and how these become labelled clips.

Files go into the hub's usual cache, shared with every other program; ``HF_ENDPOINT``, ``HF_HOME``, ``HF_TOKEN`` and
``HF_HUB_OFFLINE`` mean what they mean everywhere. What has arrived is not fetched again, so that a download that was
broken off goes on where it stopped.
"""

import csv
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from audioprompt.data.archives import filled
from audioprompt.data.clips import LabelledClips, assemble, usable
from audioprompt.data.layouts import MANIFEST, MAX_TABLES, Listing, find_manifest, hidden, lay_out, locate
from audioprompt.data.repository import Progress, Repository, Unreachable, look_up
from audioprompt.data.sources.base import OpenOptions
from audioprompt.data.tables import (
    COLUMNS,
    MAX_CHARACTERS,
    DataError,
    Row,
    Table,
    check_size,
    is_table,
    plain_title,
    read_table,
    split_rank,
)
from audioprompt.util.text import one_line

USUAL_SPLITS = ("test", "validation")  # tried in this order where no split is asked for
ROWS_AT_ONCE = 64
WRITTEN = 2  # a new number where something else is written of a Parquet file than before


def from_hub(
    repo_id: str,
    into: Path,
    split: str | None = None,
    revision: str | None = None,
    options: OpenOptions = OpenOptions(),  # noqa: B008, it cannot change
) -> LabelledClips:
    """Fetch a split of a data set: ``"MahiA/ESC50"``, ``"test"``.

    Three layouts are known. Tables ``test.csv`` or ``csv_files/test_1.csv`` with the columns ``path,classname`` beside
    the recordings, as the authors of PALM publish theirs; ``test`` is then all of ``test_1``, ``test_2``, ..., each of
    which is a fold. Parquet files with a column of audio and one of labels. And what `LabelledClips.from_folder` reads,
    where folders ``train`` and ``test`` are splits.

    A data set that has been fetched before can be had again while the hub is out of reach.

    Args:
        repo_id: ``owner/name`` on the hub.
        into: the folder for what is made of the files: recordings out of Parquet, and a record of what was fetched.
        split: which; by default ``test``, then ``validation``, then the only one there is.
        revision: a branch, tag or commit; by default the newest.
        options: how; where it names a folder, the files themselves go into ``hub`` below it, else into the hub's cache
            on this machine.

    Raises:
        DataError: the data set does not exist, is not public, has no such split or no layout that is known; a table
            names a recording that is not there; or the hub cannot be reached.
    """
    name = f"{repo_id}@{split}" if split else repo_id
    record = into / f"{_file_name(repo_id, split, revision)}.csv"
    try:
        repository = look_up(repo_id, revision, options)
    except Unreachable:
        if options.token is not False and record.is_file():
            return _named_below(LabelledClips.from_manifest(record), name)
        raise
    clips = replace(_read(repository, split, into, options.progress, options.skip_bad), name=name)
    _write(record, clips)
    return clips


def _named_below(clips: LabelledClips, name: str) -> LabelledClips:
    """Clips out of a record, named by what their paths do not share."""
    return replace(clips, name=name, root=Path(os.path.commonpath([path.parent for path in clips.paths])))


def _read(
    repository: Repository, split: str | None, into: Path, progress: Progress | None, skip_bad: bool
) -> LabelledClips:
    files = [path for path in map(PurePosixPath, sorted(repository.files)) if not hidden(path)]
    if tables := {
        path.stem: path
        for path in files
        if path.suffix == ".csv" and str(path.parent) in (".", "csv_files") and split_rank(path.stem) is not None
    }:
        return _by_tables(repository, tables, split, progress, skip_bad)
    if shards := [path for path in files if path.suffix == ".parquet" and path.stem != "metadata"]:
        return _by_parquet(repository, shards, split, into, progress, skip_bad)
    return _by_layout(repository, files, split, progress, skip_bad)


def _choose(names: Collection[str], split: str | None, repo_id: str) -> str:
    """Return the split asked for, or the one that is meant where none was."""
    wanted = [split] if split else USUAL_SPLITS if len(names) > 1 else names
    for name in wanted:
        if name in names:
            return name
    there = [one_line(name) for name in sorted(names)]
    trouble = f"has no split {one_line(split)}" if split else "has several splits"
    raise DataError(f"{repo_id} {trouble}: choose one of {', '.join(there)}, as in hf:{repo_id}@{there[0]}")


# --- tables beside the recordings, or a folder for each class ---------------------------------------------------------


def _by_tables(
    repository: Repository,
    tables: Mapping[str, PurePosixPath],
    split: str | None,
    progress: Progress | None,
    skip_bad: bool,
) -> LabelledClips:
    # The test parts of a cross-validation are its folds; the train parts overlap and are only to be had one by one.
    folds = {stem: int(found[1]) for stem in tables if (found := re.fullmatch(r"test_(\d+)", stem))}
    chosen = _choose([*tables, *(["test"] if folds else [])], split, repository.id)
    stems = [chosen] if chosen in tables else sorted(folds, key=folds.__getitem__)
    listing = Listing(PurePosixPath(name) for name in repository.files)
    rows: list[Row] = []
    for stem, path in zip(stems, repository.fetch([str(tables[stem]) for stem in stems]), strict=True):
        for row in locate(read_table(path).rows(listing.holds), tables[stem], lambda: listing):
            rows.append(replace(row, fold=folds[stem]) if chosen not in tables else row)
    check_size(repository.id, clips=len(rows))
    names = [row.file for row in rows if row.file]
    if chosen not in tables and len(set(names)) < len(names):
        raise DataError(f"{repository.id} has recordings in several of its test tables: choose one, {', '.join(stems)}")
    return _fetched(repository, rows, progress, skip_bad)


def _by_layout(
    repository: Repository,
    files: Sequence[PurePosixPath],
    split: str | None,
    progress: Progress | None,
    skip_bad: bool,
) -> LabelledClips:
    manifest = find_manifest(files)
    tables = [str(path) for path in ([manifest] if manifest else filter(is_table, files))]
    tables = [path for path in tables if 0 < repository.files[path] <= 2 * MAX_CHARACTERS][:MAX_TABLES]
    here = dict(zip(tables, repository.fetch(tables), strict=True))

    def read(path: PurePath) -> Table:
        if str(path) not in here:
            raise DataError(f"{one_line(str(path))} is empty or too long for a manifest")
        return read_table(here[str(path)], str(path))

    rows, notices = lay_out(files, read, repository.id)
    splits = sorted({row.split for row in rows if row.file})
    if splits and "" not in splits:
        chosen = _choose(splits, split, repository.id)
        rows = [replace(row, split="") for row in rows if row.split == chosen]
    elif split:
        raise DataError(f"{repository.id} has no splits: leave @{one_line(split)} out")
    clips = _fetched(repository, rows, progress, skip_bad)
    return replace(clips, notices=(*notices, *clips.notices))


def _fetched(repository: Repository, rows: Sequence[Row], progress: Progress | None, skip_bad: bool) -> LabelledClips:
    """Download the recordings of a table's lines."""
    rows, left_out = usable(rows, repository.id, skip_bad)
    names = [str(row.file) for row in rows]
    paths = dict(zip(names, repository.fetch(names, progress), strict=True))
    root = paths[names[0]].parents[len(PurePosixPath(names[0]).parts) - 1]
    return replace(assemble(rows, lambda file: paths[str(file)], repository.id, root), left_out=left_out)


# --- Parquet ----------------------------------------------------------------------------------------------------------


def _by_parquet(
    repository: Repository,
    shards: Sequence[PurePosixPath],
    split: str | None,
    into: Path,
    progress: Progress | None,
    skip_bad: bool,
) -> LabelledClips:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        # from 26 on, pyarrow wants numpy 2, which msclap does not take
        raise DataError(
            f"{repository.id} is kept in Parquet files: pip install 'pyarrow<26', then try again"
        ) from error
    splits: dict[str, list[str]] = {}
    for path in shards:  # data/test-00000-of-00003.parquet, default/test/0000.parquet, birds/test.parquet
        base = [] if path.stem.isdigit() else [re.sub(r"-\d+-of-\d+.*", "", path.stem)]
        parts = [part for part in path.parent.parts if part not in ("data", "default")] + base
        splits.setdefault("/".join(parts), []).append(str(path))
    chosen = _choose(splits, split, repository.id)
    folder = into / _file_name(repository.id, chosen, f"{repository.commit[:12]}-{WRITTEN}")
    if not folder.is_dir():
        files = repository.fetch(splits[chosen], progress)
        try:
            with filled(folder) as working:
                _write_recordings([parquet.ParquetFile(file) for file in files], working, repository)
        except ArrowException as error:
            reason = one_line(str(error))
            raise DataError(
                f"{repository.id} has a Parquet file that cannot be read ({reason}): fetch it again"
            ) from error
    return LabelledClips.from_manifest(folder / MANIFEST, skip_bad)


def _write_recordings(tables: Sequence[Any], folder: Path, repository: Repository) -> None:
    """Take the recordings out of Parquet files and list them in a manifest."""
    name, most_bytes = repository.id, repository.most_bytes
    with (folder / MANIFEST).open("w", encoding="utf-8", newline="") as file:
        manifest = csv.writer(file)
        count = size = 0
        kinds = [_columns(table.schema_arrow, name) for table in tables]
        with_folds = all(columns.fold for columns in kinds)
        manifest.writerow(("path", "classname", "group", *(["fold"] if with_folds else [])))
        for table, columns in zip(tables, kinds, strict=True):
            wanted = [columns.sound, columns.label, *filter(None, (columns.group, columns.fold))]
            for batch in table.iter_batches(ROWS_AT_ONCE, columns=wanted):
                for row in batch.to_pylist():
                    check_size(name, clips=count + 1)
                    if not (content := (row[columns.sound] or {}).get("bytes")):
                        raise DataError(f"{name} lacks the sound of clip {count}: its authors need to add it")
                    if (size := size + len(content)) > most_bytes:
                        raise DataError(f"{name} unpacks to over {most_bytes / 1e9:.0f} GB: choose a smaller split")
                    recording = f"{count:06}.wav"  # or another format: readers go by content
                    (folder / recording).write_bytes(content)
                    manifest.writerow(
                        (
                            recording,
                            _label(row[columns.label], columns.names),
                            row[columns.group] if columns.group else "",
                            *([row[columns.fold]] if with_folds else []),
                        )
                    )
                    count += 1


@dataclass(frozen=True)
class _Columns:
    """The columns of sound and label, of group and fold where there are such, and the class names where labels are
    numbers."""

    sound: str
    label: str
    group: str | None
    fold: str | None
    names: Sequence[str]


def _columns(schema: Any, name: str) -> _Columns:
    """Find the columns of an Arrow schema.

    Raises:
        DataError: there is no column of sound, or none of labels.
    """
    try:
        about = dict(json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"])
    except (LookupError, TypeError, ValueError):  # nothing, or nothing that can be used
        about = {}
    names_of = {column: kind.get("names") for column, kind in about.items() if isinstance(kind, dict)}
    numbered = {column: list(map(str, names)) for column, names in names_of.items() if isinstance(names, list)}
    kinds = {field.name: str(field.type) for field in schema}

    def called(kind: str) -> list[str]:
        wanted = [plain_title(title) for title in COLUMNS[kind]]
        found = [column for column in kinds if plain_title(column) in wanted]
        return sorted(found, key=lambda column: wanted.index(plain_title(column)))

    sounds = [
        column for column, kind in kinds.items() if kind.startswith("struct<") and re.search(r"bytes: \w*binary", kind)
    ]
    labels = [column for column in called("classname") if column in numbered or "string" in kinds[column]]
    labels = labels or [*numbered]
    if not sounds or not labels:
        lacking = "labels" if sounds else "sound"
        raise DataError(f"{name} has no column of {lacking}, only {', '.join(kinds)}: choose another data set")
    group, fold = (next(iter(called(kind)), None) for kind in ("group", "fold"))
    return _Columns(sounds[0], labels[0], group, fold, numbered.get(labels[0], ()))


def _label(value: str | int | None, names: Sequence[str]) -> str:
    """Return a class name; empty where there is none, as for the unlabelled, whose number is -1."""
    if isinstance(value, int):
        return names[value] if 0 <= value < len(names) else ""
    return value or ""


# --- what was fetched, for when there is no network -------------------------------------------------------------------


def _file_name(*parts: str | None) -> str:
    return re.sub(r"[^\w.@-]+", "--", "@".join(part or "" for part in parts))


def _write(record: Path, clips: LabelledClips) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    part = record.with_suffix(".part")
    folds = clips.folds or [None] * len(clips)
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "classname", "group", *(["fold"] if clips.folds else [])))
        for path, label, group, fold in zip(clips.paths, clips.labels, clips.groups, folds, strict=True):
            writer.writerow((path.absolute(), label, group, *([fold] if clips.folds else [])))
    part.replace(record)
