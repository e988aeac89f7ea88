"""Recordings in any number embedded into a folder of shards, going on where an earlier run ended."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audioprompt.audio.decode import stream_windows
from audioprompt.audio.recording import AudioError
from audioprompt.data import open_clips
from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.prompts.formats.csv import defuse
from audioprompt.services.folders.shards import FAILED, EmbedError, Shard, written_whole
from audioprompt.util.places import is_folder

if TYPE_CHECKING:
    from audioprompt.encoding.encoder import EmbeddedClip
    from audioprompt.encoding.stream import Look
    from audioprompt.models.base import AudioTextModel


@dataclass(frozen=True, slots=True)
class _Placed:
    """A recording and its place in a shard."""

    file: FoundFile
    shard: Shard
    place: int

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def name(self) -> str:
        return self.file.name


def find_source(source: str) -> tuple[Path, list[FoundFile]]:
    """Return the recordings of a folder, or of any data set, and what their names are relative to.

    Raises:
        DataError: there are none.
    """
    folder = Path(source)
    if is_folder(folder):
        return folder, find_files([folder], folder)
    clips = open_clips(source)
    root = clips.root or Path(os.path.commonpath([path.absolute().parent for path in clips.paths]))
    return root, find_files(list(dict.fromkeys(clips.paths)), root)


def find_missing(shards: Sequence[Shard], folder: Path, model: "AudioTextModel") -> list[Shard]:
    """Return the shards that are to be made: those that are not there, or hold a recording that can be read by now.

    A recording that nobody may read, or on a drive that is away, is of the same size and time once it can be read.
    """
    return [
        shard
        for shard in shards
        if not shard.done(folder)
        or any(_can_be_read(shard.files[0].root / name, model) for name in shard.failed(folder))
    ]


def _can_be_read(path: Path, model: "AudioTextModel") -> bool:
    try:
        for _ in stream_windows(path, model.sample_rate, model.window_seconds):
            pass
    except AudioError:
        return False
    return True


def embed_shards(
    model: "AudioTextModel",
    shards: Sequence[Shard],
    folder: Path,
    look: "Look[FoundFile]" = len,
    workers: int | None = None,
) -> Iterator[FoundFile]:
    """Embed the recordings of shards, each written as soon as all of it has been heard.

    Args:
        model: what hears.
        shards: those to be made.
        folder: where to write them.
        look: told again and again what is under way, as by `stream_clips`; whatever it raises ends the work, and the
            shards written by then stay.
        workers: how many recordings are under way at once.

    Yields:
        Each recording once it is done.

    Raises:
        EmbedError: a shard cannot be written.
    """
    from audioprompt.encoding.stream import stream_clips

    clips: dict[int, dict[int, EmbeddedClip]] = {}
    failed: dict[int, dict[int, str]] = {}
    placed = (_Placed(file, shard, place) for shard in shards for place, file in enumerate(shard.files))

    def look_at(under_way: "Sequence[tuple[_Placed, float]]") -> None:
        look([(one.file, fraction) for one, fraction in under_way])

    for heard in stream_clips(model, placed, look_at, workers):
        shard, place = heard.file.shard, heard.file.place
        good, bad = clips.setdefault(shard.number, {}), failed.setdefault(shard.number, {})
        if heard.clip is None:
            bad[place] = heard.error or ""
        else:
            good[place] = heard.clip
        if len(good) + len(bad) == len(shard.files):
            shard.write(folder, clips.pop(shard.number), failed.pop(shard.number), model.dim)
        yield heard.file.file


def list_failed(shards: Sequence[Shard], folder: Path) -> dict[str, str]:
    """Write down which recordings could not be used and why, and return that.

    Raises:
        EmbedError: a shard is missing, or the list cannot be written.
    """
    failed = {name: reason for shard in shards for name, reason in shard.failed(folder).items()}
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(["file", "reason"])
    table.writerows([defuse(name), defuse(reason)] for name, reason in failed.items())
    with written_whole(folder / FAILED) as unfinished:
        unfinished.write_bytes(lines.getvalue().encode("utf-8", "backslashreplace"))
    if len(failed) == sum(len(shard.files) for shard in shards):
        raise EmbedError(f"Not one recording can be used. {next(iter(failed.values()))}")
    return failed
