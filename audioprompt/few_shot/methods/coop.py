"""CoOp: context vectors learned in front of every class name (Zhou et al., IJCV 2022).

The vectors stand where a prompt's words would, and gradients reach them through the text tower, which stays as it is.
Clips are never encoded again, and class names are looked up once.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import HeadSpec, SavedHead
from audioprompt.few_shot.descent import LearnedHead
from audioprompt.few_shot.methods.palm import CONTEXT_STD
from audioprompt.few_shot.settings import FitSettings
from audioprompt.models.base import PromptableText

if TYPE_CHECKING:
    from typing_extensions import Self

PROMPTS_AT_ONCE = 64  # that the text tower remembers until their gradients are due; more are not quicker on a CPU


def start_tokens(text: PromptableText) -> int:
    """How many tokens stand in front of every text: 1 in BERT, CLIP and RoBERTa, 0 in GPT-2.

    They are what no text and a text begin with alike: behind them the first already ends.
    """
    without, with_text = (text.tokenize([words]).ids[0].tolist() for words in ("", "a"))
    pairs = enumerate(zip(without, with_text, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(without), len(with_text)))


class Prompts:
    """Class names with room for a context: start token, context, the name's own tokens, end token.

    Args:
        text: a model's text tower.
        classes: the C class names.
    """

    def __init__(self, text: PromptableText, classes: Sequence[str]) -> None:
        tokens = text.tokenize(classes)
        place = start_tokens(text)
        with torch.no_grad():
            embeddings = text.token_embeddings(tokens.ids)
        self.text = text
        self.before, self.mask_before = embeddings[:, :place], tokens.mask[:, :place]
        self.after, self.mask_after = embeddings[:, place:], tokens.mask[:, place:]
        self.device = embeddings.device

    def encode(self, contexts: Tensor) -> Tensor:
        """Every class name behind each context: ``[B, T, context_dim]`` -> ``[B, C, D]``, L2-normalised."""
        size, classes, tokens = len(contexts), len(self.before), contexts.shape[1]
        prompts = torch.cat(
            [
                self.before.expand(size, -1, -1, -1),
                contexts[:, None].expand(-1, classes, -1, -1),
                self.after.expand(size, -1, -1, -1),
            ],
            dim=2,
        )
        mask = torch.cat([self.mask_before, self.mask_before.new_ones(classes, tokens), self.mask_after], dim=1)
        return self._run(prompts.flatten(0, 1), mask.repeat(size, 1)).unflatten(0, (size, classes))

    def _run(self, prompts: Tensor, mask: Tensor) -> Tensor:
        """Return the text tower on ``[P, L, context_dim]``, in memory that does not grow with P; -> ``[P, D]``."""
        if len(prompts) <= PROMPTS_AT_ONCE:
            return self.text.encode(prompts, mask)
        parts = zip(prompts.split(PROMPTS_AT_ONCE), mask.split(PROMPTS_AT_ONCE), strict=True)
        # each part is run again when its gradients are due, in place of being remembered
        return torch.cat([checkpoint(self.text.encode, *part, use_reentrant=False) for part in parts])


class Coop(LearnedHead):
    """The method, with one context for all classes.

    Args:
        classes: the C class names, as a prompt says them.
        text: a model's text tower.
        settings: how it is fitted.
    """

    method = "coop"
    needs_every_class = False
    folds = 2

    def __init__(self, classes: Sequence[str], text: PromptableText, settings: FitSettings | None = None) -> None:
        self.prompts = Prompts(text, classes)
        super().__init__(classes, settings or FitSettings(), self.prompts.device)

    @classmethod
    def build(cls, spec: HeadSpec) -> "Self":
        return cls(spec.classes, spec.model.text, spec.settings)

    @classmethod
    def restore(cls, saved: SavedHead) -> "Self":
        return cls(saved.classes, saved.model.text, FitSettings.from_numbers(saved.settings))

    def initial(self, rng: np.random.Generator, dim: int) -> dict[str, Array]:
        shape = self.settings.context_tokens, self.prompts.text.context_dim
        return {"context": rng.normal(0, CONTEXT_STD, shape).astype(np.float32)}

    def class_weights(self, values: Mapping[str, Tensor], audio: Tensor) -> Tensor:
        return self.prompts.encode(values["context"][None])[0]
