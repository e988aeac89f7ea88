"""Clips and prompts become embeddings once; what was encoded is kept for whoever asks next, in whichever tab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audioprompt.core.zero_shot import Array
from audioprompt.data import LabelledClips
from audioprompt.util.lru import Recent

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.template import Template

Progress = Callable[[str, int, int], None]  # (of what, done, total)

CLIP_SETS_KEPT = 6  # one of 2,000 clips with 1,024 dimensions takes 8 MB

_readable: Recent[LabelledClips] = Recent(CLIP_SETS_KEPT)
_embedded: Recent[tuple[LabelledClips, Array]] = Recent(CLIP_SETS_KEPT)


def look_through(clips: LabelledClips, skip_bad: bool = False, progress: Progress | None = None) -> LabelledClips:
    """Return the clips that can be read, as `audioprompt.data.embedding.look_through` finds them, no recording twice.

    Raises:
        BadRecordings: some cannot be read, and are not to be left out.
        DataError: none can be read.
    """
    from audioprompt.data.embedding import look_through

    key = (clips, file_versions(clips), skip_bad)
    if kept := _readable.get(key):
        return kept
    look = partial(progress, "clips", 0, len(clips)) if progress else int
    return _readable.put(key, look_through(clips, skip_bad, look))


def embed_clips(
    model: AudioTextModel, clips: LabelledClips, progress: Progress | None = None, skip_bad: bool = False
) -> tuple[LabelledClips, Array]:
    """Return the clips that can be used, N, and their embeddings, ``[N, D]``, no recording twice.

    They come from memory or the disk where they were encoded before.

    Raises:
        BadRecordings: clips cannot be used, and are not to be left out.
    """
    from audioprompt.data.embedding import embed_labelled, tell_silence
    from audioprompt.encoding.cache import EmbeddingCache
    from audioprompt.encoding.encoder import pooled

    key = (model.name, model.revision, clips, file_versions(clips), skip_bad)
    if kept := _embedded.get(key):
        return kept
    usable, embedded = embed_labelled(model, clips, _of("clips", progress), EmbeddingCache(), skip_bad)
    return _embedded.put(key, (tell_silence(usable, embedded), pooled(embedded)))


def embed_prompts(
    model: AudioTextModel, templates: Sequence[Template], clips: LabelledClips, progress: Progress | None = None
) -> Array:
    """Embeddings of templates filled with the clips' classes, ``[K, C, D]``."""
    from audioprompt.encoding.cache import EmbeddingCache
    from audioprompt.encoding.encoder import embed_prompts

    return embed_prompts(model, templates, clips.spoken_classes, _of("prompts", progress), EmbeddingCache())


def _of(what: str, progress: Progress | None) -> Callable[[int, int], None] | None:
    return progress and partial(progress, what)


def file_versions(clips: LabelledClips) -> tuple[tuple[int, int], ...]:
    """Return what tells that a recording was replaced by another of the same name, or taken away."""

    def version(path: Path) -> tuple[int, int]:
        try:
            status = path.stat()
        except OSError:  # whoever reads it will say so
            return 0, 0
        return status.st_mtime_ns, status.st_size

    return tuple(version(path) for path in dict.fromkeys(clips.paths))


def forget() -> None:
    """Let go of what was encoded."""
    _embedded.clear()
    _readable.clear()
