"""Clips and texts become embeddings. The only place where a model is run."""

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
from audioprompt.encoding.keys import key_of
from audioprompt.encoding.reading import Piece, Wanted, read_in_turn
from audioprompt.encoding.rows import Rows
from audioprompt.models.base import AudioTextModel, ModelError
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
    pieces = read_in_turn(model, [Wanted(source, name, say, tick)])
    (found,) = encode_recordings(model, with_others(model, model.embed_audio), pieces)
    if isinstance(found, AudioError):
        raise found
    return found


def with_others(model: AudioTextModel, encode: Encode) -> Encode:
    """Return what runs a model together with what others want encoded just now, unless it is lent to one person."""
    return encode if model.device == LENT else partial(TOGETHER.embed, model, encode=encode)


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
