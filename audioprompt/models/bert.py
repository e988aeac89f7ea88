"""BERT on torch's own transformer layers, with the weights that the transformers library names.

The bundled model is loaded at every start; without the transformers library, which takes seconds of processor time to
import, it is there that much sooner. `tests/unit/models/test_bert.py` holds it against that library's BertModel.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

# Each layer's parts, by torch's names and by those of the weights.
PARTS = {
    "self_attn.out_proj": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}


class Bert(nn.Module):
    """A BERT encoder (Devlin et al. 2019) for one segment of text, without a pooling layer.

    Args:
        config: the settings of a BERT's ``config.json``.
        words: looks up the embeddings of words, ``[...]`` -> ``[..., D]``; by default a table that `read` fills.
    """

    def __init__(self, config: Mapping[str, Any], words: nn.Module | None = None) -> None:
        super().__init__()
        self.dim: int = config["hidden_size"]
        self.words = words or nn.Embedding(config["vocab_size"], self.dim)
        self.positions = nn.Embedding(config["max_position_embeddings"], self.dim)
        self.segment = nn.Parameter(torch.zeros(self.dim))  # every token is of the first segment
        self.norm = nn.LayerNorm(self.dim, config["layer_norm_eps"])
        layer = nn.TransformerEncoderLayer(
            self.dim,
            config["num_attention_heads"],
            config["intermediate_size"],
            dropout=0.0,
            activation=config["hidden_act"],
            layer_norm_eps=config["layer_norm_eps"],
            batch_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, config["num_hidden_layers"], enable_nested_tensor=False)

    def forward(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """Token embeddings ``[T, tokens, D]`` and which of them are text ``[T, tokens]`` -> ``[T, tokens, D]``."""
        states = self.norm(embeddings + self.positions.weight[: embeddings.shape[1]] + self.segment)
        return self.layers(states, src_key_padding_mask=mask == 0)

    def read(self, weights: Mapping[str, Tensor]) -> None:
        """Take over weights that have the transformers library's names, each looked up once.

        Raises:
            KeyError, RuntimeError: they are those of another model.
        """
        embeddings = "embeddings."
        own = {
            "positions.weight": weights[embeddings + "position_embeddings.weight"],
            "segment": weights[embeddings + "token_type_embeddings.weight"][0],
        }
        if isinstance(self.words, nn.Embedding):
            own["words.weight"] = weights[embeddings + "word_embeddings.weight"]
        for kind in ("weight", "bias"):
            own[f"norm.{kind}"] = weights[f"{embeddings}LayerNorm.{kind}"]
        self.load_state_dict(own, strict=False)
        for number, layer in enumerate(self.layers.layers):  # one after the other: unpacked weights take much room
            layer.load_state_dict(_of_layer(weights, f"encoder.layer.{number}"))


def _of_layer(weights: Mapping[str, Tensor], theirs: str) -> dict[str, Tensor]:
    own = {}
    for kind in ("weight", "bias"):
        own[f"self_attn.in_proj_{kind}"] = torch.cat(
            [weights[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
        )
        own |= {f"{part}.{kind}": weights[f"{theirs}.{name}.{kind}"] for part, name in PARTS.items()}
    return own
