"""How the files of a data set lie: tables that list them, or a folder for each class, perhaps within folders for parts.

The same for a folder on the disk, an archive and a repository of the hub: all of them are a list of paths, and some
way to read a table.
"""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from audioprompt.data.tables import DataError, Row, Table, check_size, fold_number, is_table, split_rank
from audioprompt.util.text import counted, first_of, named, one_line

MANIFEST = "manifest.csv"
MANIFESTS = {MANIFEST, "manifest.tsv", "manifest.jsonl"}
MAX_TABLES = 50  # that are looked into
READ = """
    3g2 3gp 3gpp aac ac3 aif aifc aiff amr ape asf au avi awb bwf caf dsf f4v flac flv ircam m2ts m4a m4b m4r m4v mka
    mkv mov mp2 mp3 mp4 mpga mts nist oga ogg ogv ogx opus rf64 snd sph spx tta voc w64 wav wave weba webm wma wmv wv
"""
NOT_READ = "aa aax dff dts eac3 gsm mid midi mod mpc mpeg mpg pcm ra ram raw rm shn sln tak vob vox xm"
SOUNDS = {f".{ending}" for ending in READ.split()}
UNREAD = {f".{ending}" for ending in NOT_READ.split()}  # sound that no decoder here reads: left out, and counted

ReadTable = Callable[[PurePath], Table]
Exists = Callable[[PurePosixPath], bool]


def is_sound(path: PurePath) -> bool:
    """Whether a file's ending is that of a recording."""
    return path.suffix.lower() in SOUNDS


def hidden(path: PurePath) -> bool:
    """Whether a file is hidden, or lies in a folder that is."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def walk(folder: Path, tell: Callable[[OSError], object]) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and the folders in it that are not hidden, each with its files that are not hidden, sorted.

    A link is followed where it leads to what is not looked through anyway, so that there is an end.

    Args:
        folder: which.
        tell: told of each folder that cannot be opened.
    """
    looked_through = [folder.resolve()]

    def is_new(parent: str, name: str) -> bool:
        path = Path(parent, name)
        if not path.is_symlink():
            return True
        leads_to = path.resolve()
        if any(leads_to.is_relative_to(one) or one.is_relative_to(leads_to) for one in looked_through):
            return False
        looked_through.append(leads_to)
        return True

    for parent, folders, names in os.walk(folder, onerror=tell, followlinks=True):
        folders[:] = sorted(name for name in folders if not hidden(PurePath(name)) and is_new(parent, name))
        yield parent, sorted(name for name in names if not hidden(PurePath(name)))


def left_unread(files: Iterable[PurePath]) -> list[str]:
    """Return what to say of sound files of formats that cannot be read: a sentence, or none."""
    unread = [one_line(path.as_posix()) for path in files if path.suffix.lower() in UNREAD]
    if not unread:
        return []
    verb = "was" if len(unread) == 1 else "were"
    return [
        f"{counted(len(unread), 'file')} of formats that cannot be read {verb} left out, convert to WAV:"
        f" {named(unread)}"
    ]


# --- finding what a table names ---------------------------------------------------------------------------------------


class Listing:
    """The files of a data set, found by what a table calls them.

    Slashes may lean either way, accents may be written in either form and letters in either case, and the path may
    begin in another folder than the table's: at the top of the data set, or on the machine where the table was made.

    Args:
        files: relative to the top of the data set.
    """

    def __init__(self, files: Iterable[PurePath]) -> None:
        self._files: dict[PurePosixPath, tuple[str, ...]] = {}
        self._by_name: dict[str, list[PurePosixPath]] = defaultdict(list)
        self._by_stem: dict[str, list[PurePosixPath]] = defaultdict(list)
        for file in files:
            path = PurePosixPath(file.as_posix())
            self._files[path] = _parts(str(path))
            self._by_name[self._files[path][-1]].append(path)
            self._by_stem[_alike(path.stem)].append(path)

    def find(self, row: Row, table: PurePosixPath, by_name: bool) -> list[PurePosixPath]:
        """Return the files that a line of a table may mean; one if all is well.

        Args:
            row: the line.
            table: the table, relative to the top of the data set.
            by_name: whether a file of the same name in another folder will do.
        """
        parts = _parts(row.recording)
        if not parts:
            return []
        beside = (*_parts(str(table.parent)), *parts)
        found = self._by_name.get(parts[-1], [])
        if not found and not is_sound(PurePath(parts[-1])):  # many tables leave the ending out
            found = self._by_stem.get(parts[-1], [])
        ends = [path for path in found if self._ends_with(path, parts)]
        found = ends or (found if by_name else [])
        for narrower in (
            lambda path: self._ends_with(path, beside) and len(path.parts) == len(beside),
            lambda path: str(path) == unicodedata.normalize("NFC", row.recording).replace("\\", "/"),
            lambda path: row.fold is not None and row.fold in map(fold_number, path.parts[:-1]),
            lambda path: bool(row.split) and row.split in map(str.lower, path.parts[:-1]),
            lambda path: table.parent in path.parents,
        ):
            if len(found) > 1:
                found = [path for path in found if narrower(path)] or found
        return found

    def holds(self, text: str) -> bool:
        """Whether there is a file of this name."""
        parts = _parts(text)
        return bool(parts) and (parts[-1] in self._by_name or parts[-1] in self._by_stem)

    def _ends_with(self, path: PurePosixPath, parts: Sequence[str]) -> bool:
        own = self._files[path][-len(parts) :]
        return own[:-1] == tuple(parts[:-1]) and len(own) == len(parts)


def locate(
    rows: Sequence[Row], table: PurePosixPath, listing: Callable[[], Listing], exists: Exists | None = None
) -> list[Row]:
    """Return the lines of a table with the files they name, or what is wrong with that.

    Args:
        rows: the lines.
        table: where the table is, relative to the top of the data set.
        listing: gives the files of the data set, where it takes them to find something.
        exists: whether there is a file at a path relative to the top, wherever that leads; None to stay inside.
    """
    names = [PureWindowsPath(row.recording).name.casefold() for row in rows]
    distinct = len(set(names)) == len(names)  # then a name alone says which recording is meant

    def located(row: Row) -> Row:
        if row.problem:
            return row
        direct = table.parent / row.recording
        if exists and exists(direct):
            return replace(row, file=direct)
        found = listing().find(row, table, distinct)
        if len(found) == 1:
            return replace(row, file=found[0])
        return replace(row, problem=_not_found(row, found, exists is None))

    return [located(row) for row in rows]


def _not_found(row: Row, found: Sequence[PurePosixPath], stay_inside: bool) -> str:
    shown = one_line(row.recording[:200])
    if found:
        which = first_of([one_line(str(path)) for path in found], 2)
        return f"names {shown}, which is there more than once, {which}: name its folder too"
    if stay_inside:
        path = PureWindowsPath(row.recording)
        if path.anchor or ".." in path.parts:
            return f"names {one_line(row.recording[:99])!r}, which leads out of the folder: use relative paths"
    return f"names {shown}, which is not there: paths are relative to the table"


def _parts(text: str) -> tuple[str, ...]:
    """Return the folders and the name in a path of any machine, in a form that is equal for all ways to write them."""
    path = PureWindowsPath(text)
    return tuple(_alike(part) for part in path.parts if part not in (path.anchor, ".", ".."))


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


# --- the layout as a whole --------------------------------------------------------------------------------------------


def lay_out(
    files: Sequence[PurePath], read: ReadTable, name: str, exists: Exists | None = None
) -> tuple[list[Row], list[str]]:
    """Find the recordings of a data set and their classes.

    A table ``manifest.csv`` at the top decides. Otherwise tables anywhere that name recordings of the data set, or a
    folder for each class; folders ``fold1``, ``train`` and the like are parts of the data, not classes.

    Args:
        files: of the data set, none of them hidden, relative to its top.
        read: reads one of its tables.
        name: of the data set, for messages.
        exists: as `locate` takes it.

    Returns:
        The recordings, with what their lines lack, and what to tell people.

    Raises:
        DataError: there is nothing that can be used.
    """
    sounds = [path for path in files if is_sound(path)]
    tables = sorted((path for path in files if is_table(path)), key=lambda path: (len(path.parts), path))
    explicit = find_manifest(files)
    listing = cache(lambda: Listing(path for path in files if not is_table(path)))
    looked_into = [
        _Candidate(path, read, listing, exists) for path in ([explicit] if explicit else tables[:MAX_TABLES])
    ]
    lists = [one for one in looked_into if one.rows]
    notices = left_unread(files)
    by_folders: list[Row] = []
    trouble = ""
    if not explicit:
        try:
            by_folders = rows_by_folder(sounds, name)
        except DataError as error:
            trouble = str(error)
    if by_folders:  # a table beside them is one of these recordings, or of something else
        others = [one for one in lists if 2 * one.found < max(len(one.rows), len(sounds))]
        lists = [one for one in lists if one not in others]
        if others and not lists:
            paths = named([one_line(one.path.as_posix()) for one in others])
            notices.append(f"The classes are those of the folders, because {paths} lists other recordings")
    if lists := [one for one in lists if one.found] or lists[:1]:
        kept = _without_repetitions(lists, name)
        notices += [one.table.notice for one in kept if one.table and one.table.notice]
        return [row for one in kept for row in one.rows], notices
    if by_folders:
        return by_folders, notices
    reasons = [str(one.error) for one in looked_into if one.error]
    raise DataError("; ".join([*([trouble] if trouble else []), *reasons[:1]]))


def find_manifest(files: Iterable[PurePath]) -> PurePath | None:
    """Return the table called ``manifest`` at the top, or in the one folder that everything lies in."""
    known = [path for path in files if is_sound(path) or is_table(path)]
    top = _common_folders(known, keep=1)
    return next((path for path in known if len(path.parts) == top + 1 and path.name.lower() in MANIFESTS), None)


class _Candidate:
    """A table of the data set, what it lists, and how much of that is there."""

    def __init__(self, path: PurePath, read: ReadTable, listing: Callable[[], Listing], exists: Exists | None) -> None:
        self.path = path
        self.table: Table | None = None
        self.rows: list[Row] = []
        self.error: DataError | None = None
        try:
            self.table = read(path)
            place = PurePosixPath(path.as_posix())
            self.rows = in_parts(locate(self.table.rows(listing().holds), place, listing, exists), place)
        except DataError as error:
            self.error = error
        self.found = sum(row.file is not None for row in self.rows)
        self.labels: dict[PurePosixPath, str] = {row.file: row.label for row in self.rows if row.file}


def _without_repetitions(tables: Sequence[_Candidate], name: str) -> list[_Candidate]:
    """Tables of different recordings: one that only repeats what a larger one says is not needed.

    Raises:
        DataError: they contradict each other.
    """
    kept: list[_Candidate] = []
    labels: dict[PurePosixPath, str] = {}
    for one in sorted(tables, key=lambda one: (all(map(str.isdecimal, one.labels.values())), -one.found)):
        again = labels.keys() & one.labels.keys()
        if not again:
            kept.append(one)
            labels |= one.labels
        elif len(again) < len(one.labels) or any(
            labels[file] != one.labels[file] and not one.labels[file].isdecimal() for file in again
        ):
            paths = first_of([one_line(str(table.path.as_posix())) for table in tables], 3)
            raise DataError(
                f"{name} has several tables of the same recordings, {paths}: call the one to use {MANIFEST}"
            )
    return sorted(kept, key=lambda one: one.path)


def in_parts(rows: Sequence[Row], table: PurePosixPath) -> list[Row]:
    """Rows with the fold or split that their folders are named after, or their table, where no column tells."""
    by_table = next((part for part in (table.stem, table.parent.name) if split_rank(part) is not None), "")

    def found(row: Row) -> Row:
        folders = row.file.parts[:-1] if row.file else ()
        fold = next((number for part in folders if (number := fold_number(part)) is not None), None)
        split = next((part.lower() for part in folders if split_rank(part) is not None), by_table.lower())
        return replace(row, fold=row.fold if row.fold is not None else fold, split=row.split or split)

    return [found(row) for row in rows]


# --- a folder for each class ------------------------------------------------------------------------------------------


def is_part(name: str) -> bool:
    """Whether a folder is named like a part of a data set: ``fold1``, ``train``."""
    return fold_number(name) is not None or split_rank(name) is not None


def rows_by_folder(files: Sequence[PurePath], name: str) -> list[Row]:
    """Label recordings by the folders they lie in; paths are relative.

    Raises:
        DataError: there is none, one lies in no class's folder, there is only one class, or the folders are parts of
            the data and not classes.
    """
    if not files:
        raise DataError(f"{name} holds no recordings: put those of each class in a folder named after it")
    check_size(name, clips=len(files))
    top = _common_folders(files, keep=2)
    folders = {path.parts[top] for path in files if len(path.parts) > top + 1}
    parts = sorted(filter(is_part, folders))
    ranks = {split_rank(part) for part in parts} - {None}
    inner = bool(parts) and len(parts) == len(folders) and any(len(path.parts) > top + 2 for path in files)
    if (
        parts
        and not inner
        and (
            len(parts) == len(folders)
            or sum(fold_number(part) is not None for part in parts) > 1
            or (0 in ranks and len(ranks) > 1)
        )
    ):
        raise DataError(
            f"{name} has the folders {named(parts)}, which are parts of a data set and not classes: add a table"
            f" {MANIFEST} with the columns path,classname, or put the recordings of each class in a folder of its own"
        )
    level = top + inner
    for path in files:
        if len(path.parts) < level + 2:
            raise DataError(
                f"{name} holds {one_line(path.as_posix())}, which lies in no class's folder: put the recordings of each"
                " class in a folder named after it"
            )
    part_level = top if inner else top + 1
    in_parts = inner or all(len(path.parts) > top + 2 and is_part(path.parts[top + 1]) for path in files)
    rows = [
        Row(
            path.as_posix(),
            path.as_posix(),
            one_line(path.parts[level]),
            file=PurePosixPath(path.as_posix()),
            fold=fold_number(path.parts[part_level]) if in_parts else None,
            split=path.parts[part_level].lower() if in_parts else "",
        )
        for path in files
    ]
    labels = {row.label for row in rows}
    if "" in labels:
        raise DataError(f"{name} has a folder whose name is blank: name it after the class of its recordings")
    if len(labels) < 2:
        raise DataError(
            f"{name} has only one class, {', '.join(labels)}: make a folder for each of two or more classes"
        )
    return rows


def numbered_by_split(rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """Rows whose splits have become folds, training first, where they have no folds; and what to tell people.

    Folds or splits that are all the same divide nothing and are dropped.
    """
    folds = {row.fold for row in rows}
    if None not in folds:
        return list(rows), []
    rows = [replace(row, fold=None) for row in rows]
    splits = {row.split for row in rows}
    if len(splits) < 2 or "" in splits:
        return rows, []
    number = {split: place for place, split in enumerate(sorted(splits, key=_usual_order), 1)}
    said = ", ".join(f"{one_line(split)} is fold {place}" for split, place in number.items())
    return [replace(row, fold=number[row.split]) for row in rows], [f"The parts of the data set are its folds: {said}"]


def _usual_order(split: str) -> tuple[int, str]:
    rank = split_rank(split)
    return 3 if rank is None else rank, split


def _common_folders(files: Sequence[PurePath], keep: int) -> int:
    """How many folders all files lie in together, where each is to keep some parts of its path."""
    shared = 0
    while files and all(
        len(path.parts) > shared + keep and path.parts[shared] == files[0].parts[shared] for path in files
    ):
        shared += 1
    return shared
