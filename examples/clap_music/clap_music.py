"""LAION's CLAP for music (larger_clap_music), as transformers has it, as a model of audioprompt.

An example of how a package adds a model: transformers' own classes read the sound and the text, and what is written
here is only what the interface asks for. Another dual encoder of transformers fits in the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import ClapModel, ClapProcessor

from audioprompt.models.base import ModelError, Tokens, check_windows
from audioprompt.models.registry import ModelEntry, Progress

REPOSITORY = "laion/larger_clap_music"


class Text:
    """The text tower, opened for learned prompts (CoOp and CoCoOp); a model without it can do all else."""

    def __init__(self, clap: ClapModel, processor: Any) -> None:
        self.clap, self.tokenizer = clap, processor.tokenizer
        self.context_dim: int = clap.config.text_config.hidden_size
        self.limit: int = clap.config.text_config.max_position_embeddings - 2  # RoBERTa counts from behind the padding

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        found = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.limit, return_tensors="pt"
        ).to(self.clap.device)
        return Tokens(found.input_ids, found.attention_mask)

    def token_embeddings(self, ids: Tensor) -> Tensor:
        return self.clap.text_model.embeddings.word_embeddings(ids)

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        pooled = self.clap.text_model(inputs_embeds=embeddings, attention_mask=mask).pooler_output
        return functional.normalize(self.clap.text_projection(pooled), dim=-1)


class ClapMusic:
    """A ``ClapModel`` and its processor."""

    name = "clap-music"

    def __init__(self, clap: ClapModel, processor: Any, device: str) -> None:
        self.clap, self.processor, self.device = clap.eval().requires_grad_(False).to(device), processor, device
        self.sample_rate: int = processor.feature_extractor.sampling_rate
        self.window_seconds = float(processor.feature_extractor.max_length_s)
        self.dim: int = clap.config.projection_dim
        self.logit_scale: float = clap.logit_scale_a.exp().item()
        self.text = Text(self.clap, processor)
        self.revision = _hash(clap)

    @torch.inference_mode()
    def embed_audio(self, windows: Tensor) -> Tensor:
        check_windows(windows, self.sample_rate, self.window_seconds)
        pictures = self.processor.feature_extractor(
            list(windows.cpu().numpy()), sampling_rate=self.sample_rate, return_tensors="pt"
        )
        longer = torch.zeros(len(windows), 1, dtype=torch.bool)  # transformers marks one of a batch by chance
        heard = self.clap.audio_model(pictures.input_features.to(self.device), is_longer=longer.to(self.device))
        return functional.normalize(self.clap.audio_projection(heard.pooler_output), dim=-1)

    @torch.inference_mode()
    def embed_text(self, texts: Sequence[str]) -> Tensor:
        tokens = self.text.tokenize(texts)
        return self.text.encode(self.text.token_embeddings(tokens.ids), tokens.mask)


def load(device: str, weights: Path | None, progress: Progress | None) -> ClapMusic:
    """Load the model from a folder, or from the hub.

    Raises:
        ModelError: it cannot be had from there.
    """
    place = str(weights or REPOSITORY)
    try:
        return ClapMusic(ClapModel.from_pretrained(place), ClapProcessor.from_pretrained(place), device)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"clap-music cannot be loaded from {place}: check the folder or the network.") from error


def _hash(clap: ClapModel) -> str:
    """Hash the weights: an embedding in the cache is used for as long as this stays the same."""
    found = hashlib.sha256()
    for name, values in sorted(clap.state_dict().items()):
        found.update(name.encode() + values.cpu().numpy().tobytes())
    return found.hexdigest()[:16]


ENTRY = ModelEntry(
    name=ClapMusic.name,
    description="LAION-CLAP trained on music (larger_clap_music); 48 kHz, windows of 10 s.",
    size="0.8 GB, downloaded on first use",
    licence="Apache-2.0",
    load=load,
    repository=REPOSITORY,
)
