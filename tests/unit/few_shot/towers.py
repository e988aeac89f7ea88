"""A text tower of any width, small enough to follow, and clips to learn from."""

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.core.zero_shot import Array, normalise
from audioprompt.models.base import Tokens

START, END, WORDS = 1, 2, 40  # token numbers; 0 is padding


class TinyText(nn.Module):
    """One token a word, between a start token (if ``starts``) and an end token; frozen like every tower.

    A text's embedding depends on each of its tokens and on where they stand.
    """

    def __init__(self, dim: int = 12, context_dim: int = 6, starts: bool = True) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.context_dim, self.starts = context_dim, starts
        self.words = nn.Parameter(torch.randn(WORDS, context_dim, generator=rng), requires_grad=False)
        self.out = nn.Parameter(torch.randn(context_dim, dim, generator=rng), requires_grad=False)
        self.most_at_once = 0  # prompts in one call of encode

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        number = {text: [3 + zlib.crc32(word.encode()) % (WORDS - 3) for word in text.split()] for text in texts}
        ids = [[*[START][: self.starts], *number[text], END] for text in texts]
        longest = max(map(len, ids))
        return Tokens(
            torch.tensor([some + [0] * (longest - len(some)) for some in ids]),
            torch.tensor([[1] * len(some) + [0] * (longest - len(some)) for some in ids]),
        )

    def token_embeddings(self, ids: Tensor) -> Tensor:
        return self.words[ids]

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        self.most_at_once = max(self.most_at_once, len(embeddings))
        place = torch.arange(1, embeddings.shape[1] + 1)[:, None]
        mixed = torch.tanh(embeddings + torch.sin(place)) * mask[..., None]
        return functional.normalize(mixed.sum(dim=1) / mask.sum(dim=1, keepdim=True) @ self.out, dim=-1)


def clusters(
    classes: int = 4, each: int = 10, dim: int = 12, spread: float = 1.0, seed: int = 0
) -> tuple[Array, np.ndarray, Array]:
    """Clips around a centre for each class: embeddings ``[N, D]``, their classes ``[N]``, the centres ``[C, D]``."""
    rng = np.random.default_rng(seed)
    centres = normalise(rng.standard_normal((classes, dim)).astype(np.float32))
    targets = np.tile(np.arange(classes), each)
    noise = spread * rng.standard_normal((len(targets), dim)) / np.sqrt(dim)
    return normalise((centres[targets] + noise).astype(np.float32)), targets, centres


NAMES = ("rain", "dog bark", "sea waves at night", "clock", "siren", "wind")
