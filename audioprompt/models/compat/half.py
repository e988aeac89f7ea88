"""Half precision on a GPU: sound is encoded in float16, spectrograms and texts in float32.

What each operation may do in float16 is torch's own list (autocast). A model keeps its spectrogram out of it, whose
powers do not fit into float16. Texts are few and encoded once, so they gain nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from audioprompt.models.base import AudioTextModel, ModelError, PromptableText

TOLERANCE = 1e-3  # of 1 - cosine between a sound's embeddings in half and in full precision


class HalfPrecision:
    """A model that hears in half precision, behind the common interface.

    Raises:
        ModelError: half precision moves this model's embeddings by more than `TOLERANCE`.
    """

    def __init__(self, model: AudioTextModel) -> None:
        self.model = model
        self.name, self.revision, self.device = model.name, f"{model.revision}-half", model.device
        self.sample_rate, self.window_seconds = model.sample_rate, model.window_seconds
        self.dim, self.logit_scale = model.dim, model.logit_scale
        if not (moved := self._moved()) <= TOLERANCE:  # which NaN is not either
            raise ModelError(f"half precision moves {self.name}'s embeddings by {moved:.1g}: use it without")

    @property
    def text(self) -> PromptableText:
        return self.model.text

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        return self.model.embed_text(texts)

    def embed_audio(self, windows: Tensor) -> Tensor:
        with torch.autocast(self.device.split(":")[0], torch.float16):
            return functional.normalize(self.model.embed_audio(windows).float(), dim=-1)

    def _moved(self) -> float:
        """How far half precision moves embeddings, at most: 1 - cosine, for silence, noise and tones."""
        samples = round(self.sample_rate * self.window_seconds)
        noise = torch.randn(samples, generator=torch.Generator().manual_seed(0))
        time = torch.arange(samples) / self.sample_rate
        tones = [torch.sin(2 * torch.pi * hertz * time) for hertz in (110, 440, 3520)]
        windows = torch.stack([torch.zeros(samples), 0.01 * noise, 0.3 * noise, *tones])
        return float((1 - (self.model.embed_audio(windows) * self.embed_audio(windows)).sum(dim=-1)).max())
