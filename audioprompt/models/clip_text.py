"""CLIP's text transformer, of transformers' parts, from the files of the hub and from those in OpenAI's own layout.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from audioprompt.models.text import TextTokenizer, TextTower, at_end

WIDTH, TOKENS, VOCABULARY = 512, 77, 49_408
RENAMED = (  # OpenAI's names, and ours
    (r"^token_embedding\.", "base.embeddings.token_embedding."),
    (r"^positional_embedding$", "base.embeddings.position_embedding.weight"),
    (r"^ln_final\.", "base.final_layer_norm."),
    (r"^text_projection$", "projection.weight"),
    (r"^transformer\.resblocks\.", "base.encoder.layers."),
    (r"\.ln_(\d)\.", r".layer_norm\1."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"\.attn\.", ".self_attn."),
)
OPENAI = ("token_embedding.", "positional_embedding", "ln_final.", "text_projection", "transformer.")


class ClipText(TextTower):
    """The text tower that CLIP has with ViT-B/16, ViT-B/32 and ResNet-50: twelve layers, read at the end token.

    Args:
        projection: from ``WIDTH`` into the shared space.
    """

    context_dim = WIDTH

    def __init__(self, projection: nn.Module) -> None:
        super().__init__(projection)
        config = CLIPTextConfig(
            vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=4 * WIDTH, max_position_embeddings=TOKENS
        )
        model: Any = CLIPTextModel(config)
        self.base = getattr(model, "text_model", model)  # which transformers 5 has no more

    def tokenizer_from(self, file: Path, limit: int = TOKENS) -> TextTokenizer:
        return TextTokenizer(file, limit, VOCABULARY, end="<|endoftext|>")

    def words(self) -> nn.Embedding:
        return self.base.embeddings.token_embedding

    def pooled(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        # its own forward takes token ids only; padding stands behind the token that is read, so looking back is enough
        length = embeddings.shape[1]
        ahead = torch.full((length, length), torch.finfo(embeddings.dtype).min, device=embeddings.device).triu(1)
        placed = self.base.embeddings(inputs_embeds=embeddings)
        hidden = self.base.encoder(inputs_embeds=placed, attention_mask=ahead[None, None]).last_hidden_state
        return self.base.final_layer_norm(at_end(hidden, mask))


def from_hub(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the text tower of a whole CLIP in the layout of the hub's files, by the names of `ClipText`."""
    return {
        name.replace("text_model.", "base.").removeprefix("text_"): tensor
        for name, tensor in stored.items()
        if name.startswith(("text_model.", "text_projection."))
    }


def from_openai(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the text tower of a whole CLIP in the layout of OpenAI's own files, by the names of `ClipText`."""
    found: dict[str, Tensor] = {}
    for given, tensor in stored.items():
        name = given
        for pattern, ours in RENAMED:
            name = re.sub(pattern, ours, name)
        if not given.startswith(OPENAI):
            continue
        if ".in_proj_" in name:  # queries, keys and values in one
            parts = zip("qkv", tensor.chunk(3), strict=True)
            found |= {name.replace("in_proj_", f"{one}_proj."): part for one, part in parts}
        else:
            found[name] = tensor.T if given == "text_projection" else tensor
    return found
