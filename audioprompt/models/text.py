"""What text towers share: tokenising, telling which words are known, and reading one token's position."""

import unicodedata
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models.base import ModelError, Tokens

SHOWN = 40  # characters of a text that a warning quotes
MIN_TOKENS = (
    1000  # of a script, of whoever has learned to read it; English vocabularies hold some hundred for accidents
)
UNKNOWN = ("[UNK]", "<unk>")


class TextTokenizer:
    """Turns texts into tokens: as many as the longest of the batch needs, never more than the model can read.

    Args:
        file: a ``tokenizer.json``.
        limit: tokens the model reads at most, special ones included.
        vocabulary: how many different tokens it knows.
        end: the token that every text ends with.
        suffix: appended to every text before it is tokenised.
        whole: words that are never merged with what stands beside them, as special tokens are not.

    Raises:
        ModelError: the file is not a tokenizer, or that of another model.
    """

    def __init__(
        self, file: Path, limit: int, vocabulary: int, end: str, suffix: str = "", whole: Sequence[str] = ()
    ) -> None:
        try:
            self.tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # tokenizers raises nothing narrower
            raise ModelError(f"{file.name} cannot be read as a tokenizer ({error}); get it again.") from error
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.tokenizer.add_special_tokens(list(whole))
        self.limit, self.suffix = limit, suffix
        end_id = self.tokenizer.token_to_id(end)
        largest = max(self.tokenizer.get_vocab().values())
        if end_id is None or self._ids(["a"])[0][-1] != end_id or largest >= vocabulary:
            raise ModelError(f"{file.name} is the tokenizer of another model; get the one whose texts end with {end}.")

    def __call__(self, texts: Sequence[str], device: str | torch.device = "cpu") -> Tokens:
        """Tokenise, cutting what is too long behind its end token, with one warning."""
        found = self._ids(texts)
        if long := [text for text, ids in zip(texts, found, strict=True) if len(ids) > self.limit]:
            others = f" (and {len(long) - 1} more)" if len(long) > 1 else ""
            warnings.warn(
                f"{long[0][:SHOWN]!r}...{others} is longer than the {self.limit} tokens that the model reads; "
                "the rest of it is ignored.",
                stacklevel=2,
            )
            found = [[*ids[: self.limit - 1], ids[-1]] if len(ids) > self.limit else ids for ids in found]
        longest = max(len(ids) for ids in found)
        return Tokens(
            torch.tensor([ids + [0] * (longest - len(ids)) for ids in found], device=device),
            torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in found], device=device),
        )

    @cached_property
    def scripts(self) -> frozenset[str]:
        """The scripts that it has words of, as Unicode calls them: "LATIN", "CJK"."""
        counts = Counter(script for token in self.tokenizer.get_vocab() for script in scripts_of(token))
        return frozenset(script for script, tokens in counts.items() if tokens >= MIN_TOKENS)

    def knows(self, text: str) -> bool:
        """Whether most of a text is in words and in a script that it knows."""
        letters = [script for letter in text for script in scripts_of(letter)]
        if sum(script not in self.scripts for script in letters if script != "LATIN") * 2 > len(letters):
            return False
        unknown = {self.tokenizer.token_to_id(token) for token in UNKNOWN} - {None}
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return 2 * sum(one in unknown for one in ids) < max(len(ids), 1)

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [found.ids for found in self.tokenizer.encode_batch([text + self.suffix for text in texts])]


def scripts_of(text: str) -> set[str]:
    """Return the scripts of a text's letters, as Unicode calls them.

    >>> sorted(scripts_of("dog 狗 いぬ"))
    ['CJK', 'HIRAGANA', 'LATIN']
    """
    letters = filter(str.isalpha, set(unicodedata.normalize("NFKC", text)))
    return {unicodedata.name(letter, "?").split()[0].partition("-")[0] for letter in letters}


def at_end(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return what a causal model says at each text's last token: ``[T, L, W]``, ``[T, L]`` -> ``[T, W]``."""
    return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1]


class WordTable:
    """The half of a text tower that only looks words up, in the table that a model of transformers has for them."""

    def __init__(self, words: nn.Embedding, tokenizer: TextTokenizer) -> None:
        self.words, self.tokenizer = words, tokenizer
        self.context_dim: int = words.embedding_dim

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        return self.tokenizer(texts, self.words.weight.device)

    def token_embeddings(self, ids: Tensor) -> Tensor:
        embedded: Tensor = self.words(ids)
        return embedded


class TextTower(nn.Module):
    """A text model without a head, pooled at one token, and its projection into the shared space.

    Submodules bear the names they have in the published files.
    """

    context_dim: int
    tokenizer: TextTokenizer  # set when the weights are in place

    def __init__(self, projection: nn.Module) -> None:
        super().__init__()
        self.projection = projection

    def tokenizer_from(self, file: Path, limit: int) -> TextTokenizer:
        raise NotImplementedError

    def words(self) -> nn.Embedding:
        raise NotImplementedError

    def pooled(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """Return what the text model makes of each text: ``[T, L, context_dim]``, ``[T, L]`` -> ``[T,
        context_dim]``.
        """
        raise NotImplementedError

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        return self.tokenizer(texts, self.words().weight.device)

    def token_embeddings(self, ids: Tensor) -> Tensor:
        return self.words()(ids)

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        return functional.normalize(self.projection(self.pooled(embeddings, mask)), dim=-1)
