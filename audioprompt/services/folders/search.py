"""Find recordings in an embedded folder: by words, by a clip, and those that are there more than once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audioprompt.audio.decode import read
from audioprompt.core.labels import LABEL_CHARACTERS, LabelError, clean_label
from audioprompt.core.rejection import HEARD
from audioprompt.core.search import best_of_each, highest, join_pairs, near_pairs, nearest_pairs
from audioprompt.core.zero_shot import Array, normalise
from audioprompt.data.recordings import FoundFile
from audioprompt.data.tables import DataError
from audioprompt.prompts.template import BARE_NAME
from audioprompt.services.classify import LONGEST_SECONDS
from audioprompt.services.folders.classify import why_unusable
from audioprompt.services.prompts import PROMPTS
from audioprompt.services.rejection import recognise_by_words
from audioprompt.services.words import read_labels

if TYPE_CHECKING:
    from audioprompt.encoding.stream import Heard
    from audioprompt.models.base import AudioTextModel

MAX_EXACT = 200_000  # windows that are all compared; among more an index is asked, where its library is installed
PER_RECORDING = 8  # windows that an index is asked for each recording wanted
NEARLY_THE_SAME = 0.98  # cosine
EXACT = "exact search"
MAX_WORDS = 5 * LABEL_CHARACTERS


@dataclass(frozen=True)
class Found:
    """A recording that was found, and where in it.

    Attributes:
        number: its place among the recordings.
        file: its name.
        score: cosine of the best window with what was searched.
        start: of that window, in seconds.
        end: of that window, in seconds.
        heard: whether words are heard in it by the model's own measure; None where that was not asked.
    """

    number: int
    file: str
    score: float
    start: float
    end: float
    heard: bool | None = None


@dataclass(frozen=True, eq=False)
class EmbeddedFolder:
    """Recordings and what a model heard in their windows.

    Attributes:
        model: the name of the model, and its revision.
        window_seconds: the length of every window.
        root: what the names are relative to.
        names: of the recordings, N.
        seconds: how long each is, ``[N]``.
        owners: which recording each window is of, rising, ``[W]``.
        starts: where each window begins in it, in seconds, ``[W]``.
        windows: one embedding for each, of those that are not silent, ``[W, D]``.
    """

    model: tuple[str, str]
    window_seconds: float
    root: Path
    names: tuple[str, ...]
    seconds: Array
    owners: NDArray[np.intp]
    starts: Array
    windows: Array = field(repr=False)

    @classmethod
    def of_heard(cls, model: "AudioTextModel", heard: Iterable["Heard[FoundFile]"]) -> "EmbeddedFolder":
        """Put recordings together that were just heard, by name, without those that cannot be used.

        Raises:
            DataError: none of them can.
        """
        by_name = sorted(heard, key=lambda one: one.file.name)
        good = [(one.file, one.clip) for one in by_name if one.clip and not why_unusable(one)]
        if not good:
            reason = why_unusable(by_name[0]) if by_name else ""
            raise DataError(f"None of these recordings can be used. {reason}".strip())
        files, clips = zip(*good, strict=True)
        kept = [np.flatnonzero(~clip.silent) for clip in clips]
        return cls(
            (model.name, model.revision),
            model.window_seconds,
            files[0].root,
            tuple(file.name for file in files),
            np.array([clip.seconds for clip in clips], np.float32),
            np.repeat(np.arange(len(clips)), [len(some) for some in kept]),
            np.concatenate([clip.starts[some] for clip, some in zip(clips, kept, strict=True)]),
            np.concatenate([clip.windows[some] for clip, some in zip(clips, kept, strict=True)]),
        )

    @cached_property
    def clips(self) -> Array:
        """The normalised mean of each recording's windows; zero where all is silent, ``[N, D]``."""
        sums = np.zeros((len(self.names), self.windows.shape[1]), np.float32)
        if len(self.windows):
            sums[self._present] = np.add.reduceat(self.windows, self._firsts)
        return normalise(sums)

    @cached_property
    def _firsts(self) -> NDArray[np.intp]:
        """The first window of each recording that has one."""
        return np.flatnonzero(np.diff(self.owners, prepend=-1))

    @property
    def _present(self) -> NDArray[np.intp]:
        return self.owners[self._firsts]

    @cached_property
    def _index(self) -> Any:
        """What finds near windows without comparing all; None where there are few, or no library for it."""
        if len(self.windows) <= MAX_EXACT:
            return None
        try:
            from usearch.index import Index
        except ImportError:
            return None
        index = Index(ndim=self.windows.shape[1], metric="ip", dtype="f16")
        index.add(np.arange(len(self.windows)), self.windows)
        return index

    @property
    def method(self) -> str:
        """How it is searched, in words."""
        if self._index is not None:
            return "usearch, which compares a part of the windows"
        many = len(self.windows) > MAX_EXACT
        return EXACT + (" (slow here: pip install 'audioprompt[index]' is quicker among so many)" if many else "")

    def nearest(self, query: Array, most: int) -> list[Found]:
        """Find the recordings that come nearest to a vector somewhere, the nearest first: ``[D]``."""
        if not len(self.windows):
            return []
        if self._index is not None:
            some = self._near_by_index(query.astype(np.float32), most)
            owners, firsts = np.unique(self.owners[some], return_index=True)
        else:
            some, owners, firsts = np.arange(len(self.windows)), self._present, self._firsts
        rows = self.windows if len(some) == len(self.windows) else self.windows[some]
        scores, places = best_of_each(rows @ query, firsts)
        return [self._found(int(owners[at]), int(some[places[at]]), float(scores[at])) for at in highest(scores, most)]

    def _near_by_index(self, query: Array, most: int) -> NDArray[np.intp]:
        """Return the windows that an index finds nearest, rising: of ``most`` recordings where there are so many.

        Of a few hours in which one sound goes on and on, the nearest windows are all of one recording.
        """
        count, wanted = PER_RECORDING * most, min(most, len(self._firsts))
        while True:
            some = np.sort(np.asarray(self._index.search(query, min(count, len(self.windows))).keys, np.intp))
            if count >= len(self.windows) or len(np.unique(self.owners[some])) >= wanted:
                return some
            count *= PER_RECORDING

    def _found(self, number: int, window: int, score: float) -> Found:
        start = float(self.starts[window])
        end = min(start + self.window_seconds, float(self.seconds[number]))
        return Found(number, self.names[number], round(score, 6), round(start, 3), round(end, 3))

    def like(self, number: int, most: int) -> list[Found]:
        """Find the recordings that sound like one of them, the nearest first."""
        near = self.nearest(self.clips[number], most + 1)
        return [one for one in near if one.number != number][:most]

    def near_pairs(self, most: int, cosine: float = NEARLY_THE_SAME) -> tuple[list[tuple[int, int, float]], int]:
        """Find pairs of recordings that sound nearly the same, each with its cosine, the nearest first.

        Returns:
            At most so many, and how many there are.
        """
        rows = self._present
        pairs, count = nearest_pairs(self.clips[rows], cosine, most)
        return [(int(rows[one]), int(rows[two]), score) for one, two, score in pairs], count

    def duplicates(self, cosine: float = NEARLY_THE_SAME) -> list[list[int]]:
        """Find recordings that sound nearly the same, in groups, the largest first."""
        rows = self._present
        groups = join_pairs(near_pairs(self.clips[rows], cosine))
        return [[int(rows[at]) for at in group] for group in groups]


def open_embedded(folder: Path) -> EmbeddedFolder:
    """Open a folder that `audioprompt embed` made.

    Raises:
        EmbedError: it is none, or unfinished, or damaged.
    """
    from audioprompt.services.folders.shards import EmbedError, opened, read_manifest, read_plan

    manifest = read_manifest(folder)
    root = folder / manifest["source"]
    shards = read_plan(folder, root)
    # A shard of which recordings have changed or gone stays until it is made anew, and holds what was heard before.
    missing = [shard for shard in shards if not shard.done(folder)]
    if missing:
        raise EmbedError(
            f"{folder} is unfinished: {len(missing)} of {len(shards)} shards are missing, damaged or of other"
            " recordings. Run audioprompt embed again to make them."
        )
    names: list[str] = []
    parts: list[tuple[Array, NDArray[np.intp], Array, Array]] = []
    for shard in shards:
        with opened(folder / shard.name) as file:
            owners = np.repeat(np.arange(len(names), len(names) + len(shard.files)), file.get_tensor("counts"))
            heard = np.flatnonzero(file.get_tensor("silent") == 0)
            windows, starts = file.get_tensor("windows"), file.get_tensor("starts")
            if len(heard) < len(windows):
                windows, starts, owners = windows[heard], starts[heard], owners[heard]
            parts.append((file.get_tensor("seconds"), owners, starts, windows))
        names += [one.name for one in shard.files]
    if not parts:
        raise EmbedError(f"{folder} holds no recordings. Run audioprompt embed again.")
    seconds, all_owners, all_starts, all_windows = (np.concatenate(some) for some in zip(*parts, strict=True))
    model = (manifest["model"], manifest["revision"])
    window = float(manifest["window_seconds"])
    return EmbeddedFolder(model, window, root, tuple(names), seconds, all_owners, all_starts, all_windows)


def check_model(folder: EmbeddedFolder, model: "AudioTextModel") -> None:
    """Make sure that a model is the one that heard a folder.

    Raises:
        EmbedError: it is another one.
    """
    if folder.model != (model.name, model.revision):
        from audioprompt.services.folders.shards import EmbedError

        name, revision = folder.model
        raise EmbedError(
            f"These recordings were heard by {name} ({revision}), and {model.name} ({model.revision}) reads otherwise."
            " Embed them again with this model, or choose that one."
        )


def search_words(folder: EmbeddedFolder, model: "AudioTextModel", words: str, most: int) -> list[Found]:
    """Find the recordings in which something is heard most, the best first.

    Raises:
        LabelError: there are no words, or too many.
        EmbedError: another model heard the folder.
    """
    check_model(folder, model)
    words = clean_label(words)
    if not words or len(words) > MAX_WORDS:
        raise LabelError(f"Say in 1 to {MAX_WORDS} characters what to search for.")
    spoken = read_labels(model, [words]).spoken
    query = PROMPTS.get(model, [BARE_NAME], spoken)[0]
    found = folder.nearest(query[0], most)
    recogniser = recognise_by_words(model, query, [words])
    if recogniser is None or not found:
        return found
    where = [np.flatnonzero((folder.owners == one.number) & (folder.starts >= one.start - 1e-3))[0] for one in found]
    scores = recogniser.scores(folder.windows[where])
    return [Found(**{**vars(one), "heard": bool(score >= HEARD)}) for one, score in zip(found, scores, strict=True)]


def search_like(folder: EmbeddedFolder, model: "AudioTextModel", clip: Path, most: int) -> list[Found]:
    """Find the recordings that sound like a clip, the nearest first.

    Raises:
        AudioError: the clip cannot be used.
        EmbedError: another model heard the folder.
    """
    from audioprompt.encoding.encoder import embed_to_name

    check_model(folder, model)
    recording = read(clip, model.sample_rate, max_seconds=LONGEST_SECONDS)
    return folder.nearest(embed_to_name(model, recording, clip.name).pooled, most)
