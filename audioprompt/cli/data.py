"""The labelled clips that a command is given, and their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audioprompt.cli.options import DataPath, SkipBad
from audioprompt.cli.output import progress_bar
from audioprompt.data import LabelledClips, open_clips, refuse_one_class
from audioprompt.data.embedding import embed_labelled, tell_silence
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import embed_prompts, pooled
from audioprompt.prompts.template import VANILLA, Template

if TYPE_CHECKING:
    from audioprompt.core.zero_shot import Array
    from audioprompt.models.base import AudioTextModel


@dataclass(frozen=True)
class DataOptions:
    """Which labelled clips to use, and whether to go on without those that cannot be used."""

    data: DataPath
    skip_bad: SkipBad = False

    def open(self) -> LabelledClips:
        """Open the clips, which have to be of two classes or more."""
        with progress_bar("files") as progress:
            clips = open_clips(self.data, progress=progress, skip_bad=self.skip_bad)
        refuse_one_class(clips)
        return clips


def embed_templates(model: AudioTextModel, templates: list[Template], labels: Sequence[str]) -> tuple[Array, Array]:
    """Embed the vanilla template, ``[C, D]``, and the others, ``[K, C, D]``, no text twice."""
    with progress_bar("prompts") as progress:
        embedded = embed_prompts(model, [VANILLA, *templates], labels, progress, EmbeddingCache())
    return embedded[0], embedded[1:]


def embed_clips(model: AudioTextModel, clips: LabelledClips, skip_bad: bool) -> tuple[LabelledClips, Array]:
    """Embed clips, ``[N, D]``, no file twice; those that cannot be used are left out."""
    with progress_bar("clips") as progress:
        clips, embedded = embed_labelled(model, clips, progress, EmbeddingCache(), skip_bad)
    return tell_silence(clips, embedded), pooled(embedded)
