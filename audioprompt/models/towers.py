"""What all models of two towers share: one for sound that ends in a projection, one for text."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from audioprompt.models.base import PromptableText, check_windows


class TwoTowers(ABC):
    """The interface `ProjectedAudio`, made of the parts in which models differ.

    A model sets the attributes, and says what its audio encoder hears and how that is projected.
    """

    name: str
    revision: str
    device: str
    sample_rate: int
    window_seconds: float
    dim: int
    logit_scale: float
    text: PromptableText

    @abstractmethod
    def hear(self, windows: Tensor) -> Tensor:
        """Run the audio encoder without its projection: ``[B, samples]`` -> ``[B, F]``, any length."""

    @abstractmethod
    def project(self, features: Tensor) -> Tensor:
        """Project into the shared space: ``[B, F]`` -> ``[B, dim]``, L2-normalised; differentiable."""

    @torch.inference_mode()
    def embed_audio(self, windows: Tensor) -> Tensor:
        return self.project_audio(self.audio_features(windows))

    @torch.inference_mode()
    def audio_features(self, windows: Tensor) -> Tensor:
        check_windows(windows, self.sample_rate, self.window_seconds)
        return self.hear(windows.to(self.device))

    def project_audio(self, features: Tensor) -> Tensor:
        return self.project(features.to(self.device))

    @torch.inference_mode()
    def embed_text(self, texts: Sequence[str]) -> Tensor:
        tokens = self.text.tokenize(texts)
        return self.text.encode(self.text.token_embeddings(tokens.ids), tokens.mask)
