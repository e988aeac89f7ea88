"""Small tokenizers in the file formats of GPT-2, BERT, CLIP and RoBERTa, trained on a few prompts."""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizerFast, CLIPTokenizerFast, GPT2TokenizerFast, RobertaTokenizerFast

PROMPTS = [
    "the sound of a violin coming from an opera",
    "a loud sound of a jackhammer can be heard coming from a street",
    "This is a sound of a dog barking, watch out!",
    "a hushed sound of a cough in a hall; a baby's cry at home",
]


def gpt2(folder: Path, texts: Sequence[str] = PROMPTS) -> None:
    """Byte-level pairs. As in GPT-2, "!" is number 0 and the end token the last."""
    _byte_level_files(folder, texts=texts)
    vocabulary = json.loads((folder / "vocab.json").read_text())
    assert vocabulary["!"] == 0
    vocabulary["<|endoftext|>"] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    GPT2TokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)


def clip(folder: Path) -> None:
    """Byte-level pairs with marked word ends. As in CLIP, the end token has the highest number."""
    _byte_level_files(folder, end_of_word_suffix="</w>")
    vocabulary = json.loads((folder / "vocab.json").read_text())
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[token] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)


def roberta(folder: Path) -> None:
    """Byte-level pairs behind RoBERTa's special tokens."""
    _byte_level_files(folder, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    RobertaTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)


def bert(folder: Path) -> None:
    """WordPiece, lower case."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(PROMPTS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special))
    tokenizer.model.save(str(folder))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)


def _byte_level_files(folder: Path, special: Sequence[str] = (), texts: Sequence[str] = PROMPTS, **suffix: str) -> None:
    """Train on bytes and write ``vocab.json`` and ``merges.txt``."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE(**suffix))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False, **suffix
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.model.save(str(folder))
