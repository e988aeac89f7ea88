"""Clips of one's own, gathered class by class while a page is open, to learn from."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import soundfile

from audioprompt.audio.decode import load, read
from audioprompt.audio.recording import AudioError
from audioprompt.core.labels import LABEL_CHARACTERS, LabelError, clean_label
from audioprompt.data import LabelledClips
from audioprompt.util.held import Held
from audioprompt.util.text import counted

PLAYED_AT = 22_050  # Hz
LONGEST_PLAYED = 20.0  # seconds
MAX_SECONDS = 600  # of a recording
OWN = "own-"  # begins the name of each folder with a recording or an upload, to tell them from clips of data sets


@dataclass(frozen=True)
class Gathered:
    """The clips of one open page.

    Attributes:
        clips: by class, some of which may still be without a clip.
        unnamed: recordings of a sound that has no name yet; they go to the class that is named next.
        read: what the field for a data set held when it was last read.
        skip_bad: whether recordings that cannot be used are left out.
        pool: recordings that were given without labels, some of which may have got one since.
    """

    clips: LabelledClips = field(default_factory=lambda: LabelledClips((), (), name="clips of one's own"))
    unnamed: tuple[Path, ...] = ()
    read: str = ""
    skip_bad: bool = False
    pool: tuple[Path, ...] = ()

    @property
    def unlabelled(self) -> tuple[Path, ...]:
        """The recordings of the pool that are of no class yet."""
        labelled = set(self.clips.paths)
        return tuple(path for path in self.pool if path not in labelled)

    @property
    def own(self) -> int:
        """How many of the named clips were recorded or uploaded, and are nowhere else."""
        return sum(map(_is_own, self.clips.paths))

    @property
    def folds(self) -> list[int]:
        """The folds there are; those that part recordings are none."""
        return [] if self.clips.folds_part_recordings else sorted(set(self.clips.folds or ()))


class Collection(Held[Gathered]):
    """What is gathered on one open page, with the recordings and files of it.

    Args:
        place: returns the folder in which these are kept as long as the page is open.
    """

    def __init__(self, place: Callable[[], Path]) -> None:
        super().__init__(Gathered(), place)

    # --- recordings ---------------------------------------------------------------------------------------------------

    def keep(self, files: Sequence[str | Path]) -> tuple[list[Path], list[Exception]]:
        """Copy recordings into the page's folder, those that can be heard; and return what is wrong with the others."""
        kept, problems = [], list[Exception]()
        for file in map(Path, files):
            try:
                load(file, PLAYED_AT, max_seconds=MAX_SECONDS)
                kept.append(self.copy(file))
            except AudioError as error:
                problems.append(error)
        return kept, problems

    def copy(self, file: Path) -> Path:
        """Return a copy of an upload in the page's folder, for the page would throw the upload away after a while.

        Raises:
            AudioError: there is no room for it.
        """
        place = Path(tempfile.mkdtemp(prefix=OWN, dir=self.folder)) / file.name
        try:
            shutil.copyfile(file, place)
        except OSError as error:
            shutil.rmtree(place.parent, ignore_errors=True)
            raise AudioError(
                f"{file.name} cannot be kept ({error.strerror}): make room on the disk and give it again."
            ) from error
        return place

    def put(self, name: str, kept: Sequence[Path] = ()) -> Gathered:
        """Put recordings that were kept, and those that had no name before, into a class; it is made where it is new.

        Raises:
            LabelError: it cannot be the name of a class; the recordings wait for another one.
        """
        name = clean_label(name)
        unfit = why_unfit(name)
        now = self.change(lambda now: _left_unnamed(now, kept) if unfit else _put(now, name, kept))
        if unfit:
            waiting = f"{counted(len(now.unnamed), 'recording')} kept. " if now.unnamed else ""
            raise LabelError(f"{waiting}{unfit}")
        return now

    def drop(self, name: str) -> Gathered:
        """Take away the last clip of a class, or the class where it has none; without a name the last that has none."""
        return self.change(lambda now: _dropped(now, name))

    def take_out(self, path: Path) -> Gathered:
        """Take a clip away, and its class where that was the last of it; one that is not there is gone already."""
        return self.change(lambda now: _without(now, path))

    def clear(self) -> Gathered:
        """Begin anew; what the field for a data set holds is not read again for that."""
        return self.change(lambda now: Gathered(read=now.read, skip_bad=now.skip_bad))

    def pour(self, recordings: Sequence[Path]) -> Gathered:
        """Take recordings without labels in place of the pool there is."""
        return self.change(lambda now: replace(now, pool=tuple(recordings)))

    # --- data sets ----------------------------------------------------------------------------------------------------

    def skip_bad(self, wanted: bool) -> Gathered:
        """Leave out what cannot be used, or not: what the field for a data set names is another data set then."""
        return self.change(lambda now: replace(now, skip_bad=wanted, read=""))

    def is_new(self, where: str | None) -> bool:
        """Whether the field for a data set names one that was not read."""
        return bool(where and where.strip()) and (where or "").strip() != self.now.read

    def take(self, open_clips: Callable[[Path, bool], LabelledClips], read: str = "") -> Gathered:
        """Take a data set in place of the clips there are; what is recorded while it is opened stays.

        Args:
            open_clips: returns its clips; it is given a folder to unpack them in, and whether to leave out bad ones.
            read: what the field for a data set holds, if it was named there.

        Raises:
            DataError: it cannot be used; then everything stays, but it counts as read.
        """
        before = self.now
        clips: LabelledClips | None = None
        try:
            clips = open_clips(self.folder, before.skip_bad)
        finally:
            as_read = read or before.read
            now = self.change(lambda now: _replaced(now, before, clips, as_read))
        return now


def _is_own(path: Path) -> bool:
    return path.parent.name.startswith(OWN)


def why_unfit(name: str) -> str:
    """Say why a class cannot have a name, once that is cleaned; empty where it can."""
    if not name:
        return "Type the name of the sound, then press Enter."
    if len(name) > LABEL_CHARACTERS:
        return f"That name has {len(name)} characters: shorten it to {LABEL_CHARACTERS}."
    return ""


def _left_unnamed(now: Gathered, kept: Sequence[Path]) -> Gathered:
    return replace(now, unnamed=(*now.unnamed, *kept))


def _put(now: Gathered, name: str, kept: Sequence[Path]) -> Gathered:
    return replace(now, clips=_added(now.clips, [(path, name) for path in (*now.unnamed, *kept)], name), unnamed=())


def _added(clips: LabelledClips, recordings: Sequence[tuple[Path, str]], *classes: str) -> LabelledClips:
    """Return clips with recordings of one's own behind them, each a source of its own; folds end with the first."""
    names = dict.fromkeys((*clips.classes, *classes, *(label for _, label in recordings)))
    return LabelledClips(
        (*clips.paths, *(path for path, _ in recordings)),
        (*clips.labels, *(label for _, label in recordings)),
        None if recordings else clips.folds,
        clips.name,
        tuple(names),
        (*clips.groups, *(str(path) for path, _ in recordings)),
    )


def _dropped(now: Gathered, name: str) -> Gathered:
    if not name:
        return replace(now, unnamed=now.unnamed[:-1])
    clips = now.clips
    rows = [row for row, label in enumerate(clips.labels) if label == name]
    if rows:
        return replace(now, clips=clips.take([row for row in range(len(clips)) if row != rows[-1]]))
    return replace(now, clips=replace(clips, classes=tuple(other for other in clips.classes if other != name)))


def _without(now: Gathered, path: Path) -> Gathered:
    rows = [row for row, other in enumerate(now.clips.paths) if other != path]
    if len(rows) == len(now.clips):
        return now
    clips, gone = now.clips.take(rows), now.clips.labels[now.clips.paths.index(path)]
    left = tuple(name for name in clips.classes if name != gone or name in clips.labels)
    return replace(now, clips=replace(clips, classes=left))


def _replaced(now: Gathered, before: Gathered, clips: LabelledClips | None, read: str) -> Gathered:
    """Return what is gathered once a data set was opened: with what has been recorded since."""
    read = read if now.skip_bad == before.skip_bad else now.read  # else it is to be read once more
    if clips is None:
        return replace(now, read=read)
    known = set(before.clips.paths)
    since = [
        (path, label)
        for path, label in zip(now.clips.paths, now.clips.labels, strict=True)
        if _is_own(path) and path not in known
    ]
    return replace(now, clips=_added(clips, since) if since else clips, read=read)


def play(gathered: Gathered, name: str, turn: int) -> tuple[str, bytes] | None:
    """Return one of a class's clips to be heard, one after the other: its name, and its beginning as WAV.

    Args:
        gathered: the clips.
        name: of the class; empty for the recordings that have none.
        turn: which one, counted on and on.

    Returns:
        None where there is none.

    Raises:
        AudioError: it cannot be read.
    """
    clips = gathered.clips
    paths = [path for path, label in zip(clips.paths, clips.labels, strict=True) if label == name]
    if not (paths := paths if name else list(gathered.unnamed)):
        return None
    path = paths[turn % len(paths)]
    return path.name, as_wav(path)


def as_wav(path: Path) -> bytes:
    """Return the beginning of a recording as WAV, to be heard.

    Raises:
        AudioError: it cannot be read.
    """
    wav = io.BytesIO()
    samples = read(path, PLAYED_AT, first_seconds=LONGEST_PLAYED).samples
    soundfile.write(wav, samples, PLAYED_AT, format="WAV", subtype="PCM_16")
    return wav.getvalue()
