"""The one interface behind which every audio-text model sits.

A model turns fixed-length windows of sound and texts into vectors of one space. Everything else in
this package is arithmetic on those vectors and never asks which model made them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from audioprompt.errors import AudiopromptError

if TYPE_CHECKING:
    from torch import Tensor


class ModelError(AudiopromptError, RuntimeError):
    """A model cannot be had or used; the message says why and what to do."""


@dataclass(frozen=True)
class Tokens:
    """A batch of tokenised texts, padded on the right to the longest of the batch.

    Attributes:
        ids: token ids, ``[T, L]``, int64.
        mask: 1 for a token, 0 for padding, ``[T, L]``, int64.
    """

    ids: Tensor
    mask: Tensor


def check_windows(windows: Tensor, sample_rate: int, window_seconds: float) -> None:
    """Raise a ValueError unless windows are ``[B, samples]``, each exactly as long as the model hears at once."""
    expected = round(sample_rate * window_seconds)
    if windows.ndim != 2 or windows.shape[1] != expected:
        raise ValueError(f"windows must be [batch, {expected}], got {list(windows.shape)}")


class PromptableText(Protocol):
    """A text tower opened in the middle, for methods that learn token embeddings (CoOp, CoCoOp).

    ``model.embed_text(texts)`` equals ``encode(token_embeddings(t.ids), t.mask)`` with
    ``t = tokenize(texts)``.

    A tower with a ``tokenizer`` that ``knows(text)``, as `audioprompt.models.text.TextTokenizer` does, lets people be
    warned of words that it cannot read.
    """

    context_dim: int  # width of one token embedding

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Tokenise texts, special tokens included."""
        ...

    def token_embeddings(self, ids: Tensor) -> Tensor:
        """Look up token embeddings: ``[T, L]`` -> ``[T, L, context_dim]``, before positions are added."""
        ...

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """Run the tower on token embeddings: ``[T, L, context_dim]``, ``[T, L]`` -> ``[T, dim]``, L2-normalised.

        Differentiable with respect to ``embeddings``.
        """
        ...


class AudioTextModel(Protocol):
    """What every model serves. Instances are frozen, in evaluation mode, and safe to share."""

    name: str  # as in the registry, "embedded"
    revision: str  # changes whenever an embedding could: a hash of weights and preprocessing
    device: str  # "cpu", "cuda:0", "mps"
    sample_rate: int  # Hz
    window_seconds: float  # length of the window embed_audio takes
    dim: int
    logit_scale: float  # logits are logit_scale * cosine

    @property
    def text(self) -> PromptableText:
        """The text tower, opened for learned prompts."""
        ...

    def embed_audio(self, windows: Tensor) -> Tensor:
        """Embed windows of sound: ``[B, sample_rate * window_seconds]`` -> ``[B, dim]``, L2-normalised."""
        ...

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embed texts: ``T`` strings -> ``[T, dim]``, L2-normalised."""
        ...


class BatchInvariantAudio(AudioTextModel, Protocol):
    """A model by which a window's embedding on a CPU is the same to the last bit, whatever shares its batch.

    Small ones hear more in a second when several windows share a pass, also on a CPU: this lets them be of several
    recordings.
    """

    batch_invariant: bool


def is_batch_invariant(model: AudioTextModel) -> bool:
    """Whether windows of several recordings may share a batch without a trace, as `BatchInvariantAudio` promises."""
    return model.device == "cpu" and getattr(model, "batch_invariant", False)


class ProjectedAudio(AudioTextModel, Protocol):
    """A model whose audio tower ends in a projection; few-shot methods may want what stands before it.

    ``model.embed_audio(windows)`` equals ``project_audio(audio_features(windows))``.
    """

    def audio_features(self, windows: Tensor) -> Tensor:
        """Return what the audio encoder hears, before the projection: ``[B, samples]`` -> ``[B, F]``."""
        ...

    def project_audio(self, features: Tensor) -> Tensor:
        """Features into the shared space: ``[B, F]`` -> ``[B, dim]``, L2-normalised; differentiable."""
        ...


class FramedAudio(ProjectedAudio, Protocol):
    """A model that hears what is when within a window; of any other, `audioprompt.encoding.frames` finds out.

    ``model.embed_frames(windows)`` equals ``project_frames(audio_features(windows))``, so that windows and frames come
    of one pass.
    """

    frame_seconds: float  # between the middles of two frames; the first frame's is the window's beginning

    def embed_frames(self, windows: Tensor) -> Tensor:
        """Embed what is heard over time: ``[B, samples]`` -> ``[B, frames, dim]``, L2-normalised."""
        ...

    def project_frames(self, features: Tensor) -> Tensor:
        """Features into the shared space, frame by frame: ``[B, F]`` -> ``[B, frames, dim]``, L2-normalised."""
        ...
