"""Many clips, each encoded once: what was encoded before comes from the cache, and bad recordings are told together."""

import struct
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from audioprompt.audio.recording import AudioSource
from audioprompt.core.zero_shot import Array
from audioprompt.encoding.batching import Encode
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import (
    WINDOWS_PER_BATCH,
    EmbeddedClip,
    Progress,
    encode_recordings,
)
from audioprompt.encoding.keys import key_of_clip, version_of
from audioprompt.encoding.reading import Wanted, read_ahead
from audioprompt.encoding.recordings import BadRecordings, Recordings
from audioprompt.encoding.stream import Heard, stream_several
from audioprompt.models.base import AudioTextModel, ProjectedAudio, is_batch_invariant


def embed_clips(
    model: AudioTextModel,
    sources: Sequence[AudioSource],
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> list[EmbeddedClip]:
    """Encode many clips: N sources -> N clips, in their order.

    Raises:
        BadRecordings: sources cannot be read or hold no sound, all of them named; what was encoded stays in the cache.
            Whatever ``progress`` raises stops the work in the same way.
    """
    return _encode_all(model, model.embed_audio, b"", sources, progress, cache)


def features_of_clips(
    model: ProjectedAudio,
    sources: Sequence[AudioSource],
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> list[Array]:
    """Return what a model hears in many clips before its projection: N sources -> N times ``[W, F]``, in their order.

    Silent windows are left out where others are not silent, as in a clip's pooled embedding.

    Raises:
        AudioError: as `embed_clips` does.
    """
    return [clip.heard for clip in _encode_all(model, model.audio_features, b"features", sources, progress, cache)]


def _encode_all(
    model: AudioTextModel,
    encode: Encode,
    kind: bytes,
    sources: Sequence[AudioSource],
    progress: Progress | None,
    cache: EmbeddingCache | None,
) -> list[EmbeddedClip]:
    recordings = Recordings.of(sources)
    clips, reasons = encode_each_once(model, encode, kind, recordings, progress, cache)
    if reasons:
        raise BadRecordings(reasons, recordings.names)
    return [clips[index] for index in range(len(sources))]


def encode_each_once(
    model: AudioTextModel,
    encode: Encode,
    kind: bytes,
    recordings: Recordings,
    progress: Progress | None,
    cache: EmbeddingCache | None,
    all_or_none: bool = True,
) -> tuple[dict[int, EmbeddedClip], dict[int, str]]:
    """Encode the clips that the cache does not hold; ``kind`` tells there what they were encoded to.

    Returns:
        The clips by position, and what is wrong with those that cannot be used. Where such are found before anything
        is encoded and only all clips will do, that is all.
    """
    versions = [version_of(source) for source in recordings.sources]
    keys = [key_of_clip(model, kind, source) if cache else None for source in recordings.sources]
    clips = _held(cache, keys)
    work = _Encoding(model, encode, recordings, versions, keys, clips, progress, cache)
    reasons = recordings.find_unreadable(work.missing, work.tick)
    if reasons and all_or_none:
        return clips, reasons
    if missing := [index for index in work.missing if index not in reasons]:
        reasons |= work.encode_clips(missing)
    return clips, reasons


class _Numbered(NamedTuple):
    number: int
    path: AudioSource
    name: str


@dataclass(frozen=True)
class _Encoding:
    """Recordings under way to the clips that they become, each with its key in the cache, by the version it is of."""

    model: AudioTextModel
    encode: Encode
    recordings: Recordings
    versions: Sequence[tuple[int, int] | None]
    keys: Sequence[str | None]
    clips: dict[int, EmbeddedClip]
    progress: Progress | None
    cache: EmbeddingCache | None

    @property
    def missing(self) -> list[int]:
        return [index for index in range(len(self.keys)) if index not in self.clips]

    def tick(self) -> None:
        if self.progress:
            self.progress(len(self.clips), len(self.keys))

    def encode_clips(self, indices: Sequence[int]) -> dict[int, str]:
        """Encode some, and return what is wrong with those that break off; what is done until an exception is kept."""
        reasons: dict[int, str] = {}
        unsaved: dict[str, bytes] = {}

        def keep(several: Iterable[Heard[_Numbered]]) -> None:
            for heard in several:
                number = heard.file.number
                if heard.clip is None:
                    reasons[number] = self.recordings.reason(number, heard.error or "")
                    continue
                self.clips[number] = heard.clip
                # What was written anew meanwhile would be kept as what is heard in the content that it had before.
                key, same = self.keys[number], version_of(heard.file.path) == self.versions[number]
                if key is not None and same:
                    unsaved[key] = _packed(heard.clip)
                if len(unsaved) >= WINDOWS_PER_BATCH:
                    self._save(unsaved)

        files = [_Numbered(index, self.recordings.sources[index], self.recordings.names[index]) for index in indices]
        stream = (  # a pass of a small model keeps to one core, so that several are heard at once
            stream_several(self.model, files, self._look, encode=self.encode, rest=keep)
            if is_batch_invariant(self.model)
            else self._in_order(files)
        )
        try:
            with closing(stream):
                for several in stream:
                    keep(several)
                    self.tick()
        finally:
            self._save(unsaved)
        return reasons

    def _in_order(self, files: Sequence[_Numbered]) -> Generator[list[Heard[_Numbered]]]:
        """Encode some one after the other, on a GPU in batches."""
        pieces = read_ahead(self.model, (Wanted(file.path, file.name, tick=self._look) for file in files))
        enough = 1 if self.model.device == "cpu" else WINDOWS_PER_BATCH
        for file, found in zip(files, encode_recordings(self.model, self.encode, pieces, enough), strict=True):
            yield [Heard.of(file, found)]

    def _look(self, how_far: object) -> None:
        self.tick()

    def _save(self, unsaved: dict[str, bytes]) -> None:
        if self.cache:
            self.cache.put(unsaved)
        unsaved.clear()


def _held(cache: EmbeddingCache | None, keys: Sequence[str | None]) -> dict[int, EmbeddedClip]:
    """Return the clips that the cache holds, by position."""
    held = cache.get(key for key in keys if key) if cache else {}
    unpacked = {index: _unpacked(held[key]) for index, key in enumerate(keys) if key in held}
    return {index: clip for index, clip in unpacked.items() if clip}


# --- how the cache stores a clip -------------------------------------------------------------------------------------


_HEADER = struct.Struct("<dI")  # seconds, number of windows; behind it, all float32: starts, silent, embeddings


def _packed(clip: EmbeddedClip) -> bytes:
    parts = clip.starts, clip.silent.astype(np.float32), clip.windows
    return _HEADER.pack(clip.seconds, len(clip.starts)) + b"".join(part.tobytes() for part in parts)


def _unpacked(stored: bytes) -> EmbeddedClip | None:
    """None if it is not what `_packed` writes, so that the clip is encoded anew."""
    try:
        seconds, count = _HEADER.unpack_from(stored)
        values = np.frombuffer(stored, np.float32, offset=_HEADER.size).copy()
        windows = values[2 * count :].reshape(count, -1)
    except (struct.error, ValueError):
        return None
    return EmbeddedClip(values[:count], seconds, windows, values[count : 2 * count] > 0) if windows.size else None
