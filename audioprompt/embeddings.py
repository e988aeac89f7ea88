"""Encode once: clips and texts become embeddings. The only place where a model is run.

Clips are decoded by threads while the model works on the ones before, and whatever has been encoded before comes from
the cache.
"""

import hashlib
import os
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from audioprompt.audio import AudioSource, Window, stream_windows
from audioprompt.cache import EmbeddingCache
from audioprompt.models.base import AudioTextModel, ModelError, ProjectedAudio
from audioprompt.prompts.template import Template
from audioprompt.zero_shot import Array, normalise

Progress = Callable[[int, int], None]  # (done, total)
Encode = Callable[[torch.Tensor], torch.Tensor]  # windows, [B, samples], to vectors

WINDOWS_PER_BATCH = 16
WINDOWS_PER_CPU_BATCH = 4  # what more of them become on their way through a net outgrows a processor's cache
WINDOWS_AHEAD = 32  # decoded at a time and clip: bounds the memory a long clip takes
DECODERS = min(8, os.cpu_count() or 1)
TEXTS_PER_BATCH = 128
HASHED_AT_ONCE = 2**20  # bytes


@dataclass(frozen=True)
class EmbeddedClip:
    """One clip as the model heard it.

    Attributes:
        starts: start of each window in seconds, ``[W]``.
        seconds: length of the clip.
        windows: one embedding per window, ``[W, D]``, L2-normalised.
    """

    starts: Array
    seconds: float
    windows: Array

    @property
    def pooled(self) -> Array:
        """The clip's embedding: the normalised mean of its windows' embeddings, ``[D]``."""
        return normalise(self.windows.mean(axis=0))


# --- clips ------------------------------------------------------------------------------------------------------------


def embed_clip(model: AudioTextModel, source: AudioSource, name: str | None = None) -> EmbeddedClip:
    """Read, cut and encode one clip of any length in bounded memory.

    Raises:
        AudioError: the source cannot be read or holds no sound.
    """
    ((_, clip),) = _encoded(model, model.embed_audio, [source], name)
    return clip


def embed_clips(
    model: AudioTextModel,
    sources: Sequence[AudioSource],
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> list[EmbeddedClip]:
    """Encode many clips: N sources -> N clips, in their order.

    Raises:
        AudioError: a source cannot be read or holds no sound; what was encoded before it stays in the cache. Whatever
            ``progress`` raises stops the work in the same way.
    """
    return _each_once(model, model.embed_audio, b"", sources, progress, cache)


def features_of_clips(
    model: ProjectedAudio,
    sources: Sequence[AudioSource],
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> list[Array]:
    """What a model hears in many clips before its projection: N sources -> N times ``[W, F]``, in their order.

    Raises:
        AudioError: as `embed_clips` does.
    """
    clips = _each_once(model, model.audio_features, b"features", sources, progress, cache)
    return [clip.windows for clip in clips]


def _each_once(
    model: AudioTextModel,
    encode: Encode,
    kind: bytes,
    sources: Sequence[AudioSource],
    progress: Progress | None,
    cache: EmbeddingCache | None,
) -> list[EmbeddedClip]:
    """Encode the clips that the cache does not hold; ``kind`` tells there what they were encoded to."""
    keys = [_clip_key(model, kind, source) if cache else None for source in sources]
    held = cache.get(key for key in keys if key) if cache else {}
    clips: dict[int, EmbeddedClip] = {
        index: clip
        for index, key in enumerate(keys)
        if key is not None and key in held and (clip := _unpacked(held[key]))
    }
    missing = [index for index in range(len(sources)) if index not in clips]
    unsaved: dict[str, bytes] = {}

    def save() -> None:
        if cache:
            cache.put(unsaved)
            unsaved.clear()

    try:
        for position, clip in _encoded(model, encode, [sources[index] for index in missing]):
            index = missing[position]
            clips[index] = clip
            if (key := keys[index]) is not None:
                unsaved[key] = _packed(clip)
            if len(unsaved) >= WINDOWS_PER_BATCH:
                save()
            if progress:
                progress(len(clips), len(sources))
    finally:
        save()
    return [clips[index] for index in range(len(sources))]


def pooled(clips: Sequence[EmbeddedClip]) -> Array:
    """The embeddings of N clips, ``[N, D]``."""
    return np.stack([clip.pooled for clip in clips])


def _encoded(
    model: AudioTextModel, encode: Encode, sources: Sequence[AudioSource], name: str | None = None
) -> Iterator[tuple[int, EmbeddedClip]]:
    """Encode clips, on a GPU in batches that may hold windows of several: yields (index, clip), in order."""
    unfinished: deque[tuple[int, list[Window], bool]] = deque()  # pieces whose windows wait for a full batch
    waiting: list[Array] = []  # their samples
    open_windows: list[Window] = []
    open_embeddings: list[Array] = []
    # A CPU gains nothing from larger batches; alone in its batch, a clip's embedding does not depend on its neighbours.
    enough = 1 if model.device == "cpu" else WINDOWS_PER_BATCH

    def flush() -> Iterator[tuple[int, EmbeddedClip]]:
        embeddings = list(_embed_windows(model, encode, np.stack(waiting))) if waiting else []
        waiting.clear()
        for index, windows, last in unfinished:
            open_windows.extend(windows)
            open_embeddings.extend(embeddings[: len(windows)])
            embeddings = embeddings[len(windows) :]
            if last:
                starts = np.asarray([window.start for window in open_windows], np.float32)
                yield index, EmbeddedClip(starts, open_windows[-1].end, np.stack(open_embeddings))
                open_windows.clear()
                open_embeddings.clear()
        unfinished.clear()

    for index, windows, last in _read_ahead(model, sources, name):
        unfinished.append((index, [Window(window.start, window.end, _NOTHING) for window in windows], last))
        waiting.extend(window.samples for window in windows)
        if len(waiting) >= enough:
            yield from flush()
    yield from flush()


_NOTHING = np.empty(0, np.float32)


def _read_ahead(
    model: AudioTextModel, sources: Sequence[AudioSource], name: str | None
) -> Iterator[tuple[int, list[Window], bool]]:
    """Decode clips in threads, a few ahead: yields (index, windows, whether they are the clip's last), in order."""

    def some(windows: Iterator[Window]) -> list[Window]:
        return list(islice(windows, WINDOWS_AHEAD))

    with ThreadPoolExecutor(DECODERS) as pool:
        ahead: deque[tuple[int, Iterator[Window], Future[list[Window]]]] = deque()
        upcoming = enumerate(sources)

        def start_more() -> None:
            for index, source in islice(upcoming, 2 * DECODERS - len(ahead)):
                windows = stream_windows(source, model.sample_rate, model.window_seconds, name=name)
                ahead.append((index, windows, pool.submit(some, windows)))

        try:
            start_more()
            while ahead:
                index, windows, decoded = ahead.popleft()
                piece = decoded.result()
                last = len(piece) < WINDOWS_AHEAD
                if not last:
                    ahead.appendleft((index, windows, pool.submit(some, windows)))
                start_more()
                yield index, piece, last
        finally:
            pool.shutdown(cancel_futures=True)


def _embed_windows(model: AudioTextModel, encode: Encode, windows: Array) -> Array:
    """``[B, samples]`` -> ``[B, D]`` or ``[B, F]``, in smaller batches where a GPU's memory will not take so many.

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
    return np.concatenate([_embed_windows(model, encode, part) for part in (windows[:half], windows[half:])])


def _batches(windows: Array, size: int) -> Iterator[Array]:
    for start in range(0, len(windows), size):
        yield windows[start : start + size]


# --- texts ------------------------------------------------------------------------------------------------------------


def embed_texts(
    model: AudioTextModel,
    texts: Sequence[str],
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> Array:
    """Encode texts, each different one once: ``T`` strings -> ``[T, D]``."""
    keys = {text: _key(model, b"text", text.encode("utf-8", "surrogatepass")) for text in texts}
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


# --- what the cache knows a clip by, and how it is stored -------------------------------------------------------------


def _key(model: AudioTextModel, *parts: bytes) -> str:
    digest = hashlib.sha256(f"2 {model.name} {model.revision} {model.sample_rate} {model.window_seconds} ".encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _clip_key(model: AudioTextModel, kind: bytes, source: AudioSource) -> str | None:
    """A key by content alone; None for what can be read only once or not at all: reading it will tell."""
    if isinstance(source, bytes):
        return _key(model, kind + b"file", hashlib.sha256(source).digest())
    if isinstance(source, tuple):
        rate, samples = source[0], np.asarray(source[1])
        return _key(model, kind + b"array", f"{rate} {samples.dtype} {samples.shape}".encode(), samples.tobytes())
    if isinstance(source, (str, os.PathLike)) and Path(source).is_file():
        digest = hashlib.sha256()
        try:
            with Path(source).open("rb") as file:
                while part := file.read(HASHED_AT_ONCE):
                    digest.update(part)
        except OSError:
            return None
        return _key(model, kind + b"file", digest.digest())
    return None


_HEADER = struct.Struct("<dI")  # seconds, number of windows; behind it, all float32: starts, embeddings


def _packed(clip: EmbeddedClip) -> bytes:
    return _HEADER.pack(clip.seconds, len(clip.starts)) + clip.starts.tobytes() + clip.windows.tobytes()


def _unpacked(stored: bytes) -> EmbeddedClip | None:
    """None if it is not what `_packed` writes, so that the clip is encoded anew."""
    try:
        seconds, count = _HEADER.unpack_from(stored)
        values = np.frombuffer(stored, np.float32, offset=_HEADER.size).copy()
        windows = values[count:].reshape(count, -1)
    except (struct.error, ValueError):
        return None
    return EmbeddedClip(values[:count], seconds, windows) if windows.size else None
