"""Encode once: clips and texts become embeddings. The only place where a model is run.

Clips are decoded by threads while the model works on the ones before, and whatever has been encoded before comes from
the cache.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray

from audioprompt.audio.decode import SHORTEST_SECONDS
from audioprompt.audio.recording import AudioError, AudioSource, Say, name_of
from audioprompt.core.zero_shot import Array, normalise
from audioprompt.encoding.batching import LENT, TOGETHER, Encode
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.keys import key_of, key_of_clip
from audioprompt.encoding.reading import Piece, Wanted, read_ahead, read_in_turn
from audioprompt.encoding.recordings import BadRecordings, Recordings
from audioprompt.encoding.rows import Rows
from audioprompt.models.base import AudioTextModel, ModelError, ProjectedAudio
from audioprompt.prompts.template import Template
from audioprompt.util.text import counted, named

Progress = Callable[[int, int], None]  # (done, total)

WINDOWS_PER_BATCH = 16
WINDOWS_PER_CPU_BATCH = 4  # what more of them become on their way through a net outgrows a processor's cache
TEXTS_PER_BATCH = 64  # sorted by length: in more there would be more padding


@dataclass(frozen=True)
class EmbeddedClip:
    """One clip as the model heard it.

    Attributes:
        starts: start of each window in seconds, ``[W]``.
        seconds: length of the clip.
        windows: one embedding per window, ``[W, D]``, L2-normalised.
        silent: in which windows there is nothing to hear, ``[W]``; by default in none.
    """

    starts: Array
    seconds: float
    windows: Array
    silent: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def __post_init__(self) -> None:
        if not len(self.silent):
            object.__setattr__(self, "silent", np.zeros(len(self.starts), np.bool_))

    @cached_property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear in all of it."""
        return bool(self.silent.all())

    @cached_property
    def heard(self) -> Array:
        """The embeddings of the windows in which there is something to hear; all of them where there is nothing."""
        return self.windows[~self.silent] if self.silent.any() and not self.is_silent else self.windows

    @cached_property
    def pooled(self) -> Array:
        """The clip's embedding: the normalised mean of what is heard in its windows, ``[D]``."""
        return normalise(self.heard.mean(axis=0))


# --- clips ------------------------------------------------------------------------------------------------------------


def embed_clip(
    model: AudioTextModel,
    source: AudioSource,
    name: str | None = None,
    say: Say | None = None,
    tick: Callable[[float], None] | None = None,
) -> EmbeddedClip:
    """Read, cut and encode one clip of any length in bounded memory, together with what others want encoded just now.

    Args:
        model: what hears.
        source: the recording.
        name: what to call it in an error.
        say: told what people should know of the recording.
        tick: told from time to time within a long clip how many seconds were heard; what it raises ends the work.

    Raises:
        AudioError: the source cannot be read or holds no sound.
    """
    (found,) = encode_recordings(model, with_others(model), read_in_turn(model, [Wanted(source, name, say, tick)]))
    if isinstance(found, AudioError):
        raise found
    return found


def with_others(model: AudioTextModel) -> Encode:
    """Return what runs a model together with what others want encoded just now, unless it is lent to one person."""
    return model.embed_audio if model.device == LENT else partial(TOGETHER.embed, model)


def windows_at_once(model: AudioTextModel) -> int:
    """Return how many windows, of several recordings perhaps, a batch should hold.

    Most models gain nothing from it on a CPU, and alone in its batch, a recording's embedding does not depend on what
    is encoded with it.
    """
    if model.device != "cpu":
        return WINDOWS_PER_BATCH
    return WINDOWS_PER_CPU_BATCH if getattr(model, "batch_invariant", False) else 1


def embed_to_name(
    model: AudioTextModel, source: AudioSource, name: str | None = None, say: Say | None = None
) -> EmbeddedClip:
    """As `embed_clip`, for a clip in which something is to be named.

    Raises:
        AudioError: as `embed_clip`; or there is nothing to name, for it is silent or too short.
    """
    clip = embed_clip(model, source, name, say)
    check_to_name(clip, name_of(source, name))
    return clip


def check_to_name(clip: EmbeddedClip, name: str) -> None:
    """Refuse a clip in which there is nothing to name.

    Raises:
        AudioError: it is silent or too short.
    """
    if clip.is_silent:
        raise AudioError(f"{name} is silent, so there is nothing to name: check the microphone or the file.")
    if clip.seconds < SHORTEST_SECONDS:
        raise AudioError(
            f"{name} lasts {1000 * clip.seconds:.0f} ms, too short to name: give at least {SHORTEST_SECONDS:g} seconds."
        )


def silence(clips: Sequence[EmbeddedClip], names: Sequence[str]) -> str | None:
    """Which of some clips hold nothing but silence, as a sentence; None where none does."""
    silent = [name for clip, name in zip(clips, names, strict=True) if clip.is_silent]
    if not silent:
        return None
    return (
        f"{len(silent)} of {counted(len(clips), 'clip')} {'is' if len(silent) == 1 else 'are'} silent: {named(silent)}."
    )


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
    recordings = Recordings.of(sources)
    clips, reasons = encode_each_once(model, model.embed_audio, b"", recordings, progress, cache)
    if reasons:
        raise BadRecordings(reasons, recordings.names)
    return [clips[index] for index in range(len(sources))]


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
    recordings = Recordings.of(sources)
    clips, reasons = encode_each_once(model, model.audio_features, b"features", recordings, progress, cache)
    if reasons:
        raise BadRecordings(reasons, recordings.names)
    return [clips[index].heard for index in range(len(sources))]


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
    keys = [key_of_clip(model, kind, source) if cache else None for source in recordings.sources]
    clips = _held(cache, keys)
    work = _Encoding(model, encode, recordings, keys, clips, progress, cache)
    reasons = recordings.find_unreadable(work.missing, work.tick)
    if reasons and all_or_none:
        return clips, reasons
    reasons |= work.encode_clips([index for index in work.missing if index not in reasons])
    return clips, reasons


@dataclass(frozen=True)
class _Encoding:
    """Recordings under way to the clips that they become, each with its key in the cache."""

    model: AudioTextModel
    encode: Encode
    recordings: Recordings
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
        recordings = [
            Wanted(self.recordings.sources[index], self.recordings.names[index], tick=lambda seconds: self.tick())
            for index in indices
        ]
        found = encode_recordings(
            self.model, self.encode, read_ahead(self.model, recordings), windows_at_once(self.model)
        )
        try:
            for index, clip in zip(indices, found, strict=True):
                if isinstance(clip, AudioError):
                    reasons[index] = self.recordings.reason(index, clip)
                    continue
                self.clips[index] = clip
                if (key := self.keys[index]) is not None:
                    unsaved[key] = _packed(clip)
                if len(unsaved) >= WINDOWS_PER_BATCH:
                    self._save(unsaved)
                self.tick()
        finally:
            self._save(unsaved)
        return reasons

    def _save(self, unsaved: dict[str, bytes]) -> None:
        if self.cache:
            self.cache.put(unsaved)
        unsaved.clear()


def _held(cache: EmbeddingCache | None, keys: Sequence[str | None]) -> dict[int, EmbeddedClip]:
    """Return the clips that the cache holds, by position."""
    held = cache.get(key for key in keys if key) if cache else {}
    unpacked = {index: _unpacked(held[key]) for index, key in enumerate(keys) if key in held}
    return {index: clip for index, clip in unpacked.items() if clip}


def pooled(clips: Sequence[EmbeddedClip]) -> Array:
    """Return the embeddings of N clips, ``[N, D]``."""
    return np.stack([clip.pooled for clip in clips])


def encode_recordings(
    model: AudioTextModel, encode: Encode, pieces: Iterable[Piece], enough: int = 1
) -> Iterator[EmbeddedClip | AudioError]:
    """Encode recordings as their pieces come, in batches that may hold windows of several.

    Args:
        model: what hears.
        encode: what runs it.
        pieces: of one recording after the other.
        enough: windows for a batch; fewer wait for those of the next recordings, as long as there are any.

    Yields:
        What is heard in each recording, or why it cannot be used, in their order.
    """
    waiting: list[Piece] = []
    recording = _Growing()

    def flush() -> Iterator[EmbeddedClip | AudioError]:
        windows = [window.samples for piece in waiting for window in piece.windows]
        embeddings = embed_windows(model, encode, windows) if windows else np.empty((0, 0), np.float32)
        for piece in waiting:
            found = recording.add(piece, embeddings[: len(piece.windows)])
            embeddings = embeddings[len(piece.windows) :]
            if found is not None:
                yield found
        waiting.clear()

    for piece in pieces:
        waiting.append(piece)
        # Or as many pieces: those of recordings that cannot be read hold no windows, and are not to wait any longer.
        if len(waiting) >= enough or sum(len(one.windows) for one in waiting) >= enough:
            yield from flush()
    yield from flush()


class _Growing:
    """A recording of which windows come piece by piece; after its last, the next one."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._starts: list[float] = []
        self._silent: list[bool] = []
        self._embeddings = Rows()
        self._seconds = 0.0

    def add(self, piece: Piece, embeddings: Array) -> EmbeddedClip | AudioError | None:
        """Add a piece and its windows' embeddings, ``[W, D]``; the last one gives what became of the recording."""
        if piece.windows:
            self._seconds = piece.windows[-1].end + piece.windows[-1].left_out
        self._starts += [window.start for window in piece.windows]
        self._silent += piece.silent
        self._embeddings.add(embeddings)
        if not piece.last:
            return None
        starts, silent = np.asarray(self._starts, np.float32), np.array(self._silent, np.bool_)
        found = piece.error or EmbeddedClip(starts, self._seconds, self._embeddings.take(), silent)
        self._begin()
        return found


def embed_windows(model: AudioTextModel, encode: Encode, windows: Sequence[Array]) -> Array:
    """Encode B windows, ``[samples]`` each -> ``[B, D]`` or ``[B, F]``.

    They go in smaller batches where a GPU's memory will not take so many.

    Raises:
        ModelError: the GPU's memory does not suffice for a single window.
    """
    try:
        size = WINDOWS_PER_CPU_BATCH if model.device == "cpu" else WINDOWS_PER_BATCH
        parts = [encode(torch.from_numpy(part)) for part in _batches(windows, size)]
        return torch.cat(parts).float().cpu().numpy()
    except torch.OutOfMemoryError as error:
        if len(windows) == 1:
            raise ModelError(f"{model.name} does not fit into the memory of {model.device}: use the CPU.") from error
    half = len(windows) // 2
    return np.concatenate([embed_windows(model, encode, part) for part in (windows[:half], windows[half:])])


def _batches(windows: Sequence[Array], size: int) -> Iterator[Array]:
    for start in range(0, len(windows), size):
        some = windows[start : start + size]
        yield np.stack(some) if len(some) > 1 else some[0][np.newaxis]  # most clips are one window: not copied


# --- texts ------------------------------------------------------------------------------------------------------------


def embed_texts(
    model: AudioTextModel,
    texts: Sequence[str],
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> Array:
    """Encode texts, each different one once: ``T`` strings -> ``[T, D]``."""
    keys = {text: key_of(model, b"text", text.encode("utf-8", "surrogatepass")) for text in texts}
    held = cache.get(keys.values()) if cache else {}
    size = 4 * model.dim  # bytes; an entry of another size is broken, and encoded anew
    vectors = {
        text: np.frombuffer(held[key], np.float32) for text, key in keys.items() if len(held.get(key, b"")) == size
    }
    missing = sorted(keys.keys() - vectors.keys(), key=lambda text: (len(text), text))  # like lengths: less padding
    for start in range(0, len(missing), TEXTS_PER_BATCH):
        some = missing[start : start + TEXTS_PER_BATCH]
        found = dict(zip(some, model.embed_text(some).float().cpu().numpy(), strict=True))
        vectors |= found
        if cache:
            cache.put({keys[text]: vector.tobytes() for text, vector in found.items()})
        if progress:
            progress(len(vectors), len(keys))
    return np.stack([vectors[text] for text in texts])


def embed_prompts(
    model: AudioTextModel,
    templates: Sequence[Template],
    labels: Sequence[str],
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> Array:
    """Fill every template with every label and encode: K templates, C labels -> ``[K, C, D]``."""
    texts = [template.fill(label) for template in templates for label in labels]
    return embed_texts(model, texts, progress, cache).reshape(len(templates), len(labels), -1)


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
