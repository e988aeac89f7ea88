"""The offline lexicon: words for prompts, chosen by hand, one list for each task category and a general one.

They are in ``lexicon.json``. Most words suit a whole category; a word may instead be meant only for some kinds of
sounds, or not for some ("plucked" only for plucked strings, "melodious" not for percussion).
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from audioprompt.prompts.pack import CATEGORIES, Category

GENERAL = "general"  # the list for tasks of no category
KINDS_OF: dict[Category, tuple[str, ...]] = {  # kinds of sounds whose every name is one of a category
    "instruments": ("bowed strings", "plucked strings", "percussion", "drums", "brass", "woodwind"),
    "music_genre": (
        "swinging music",
        "heavy music",
        "orchestral music",
        "electronic music",
        "country music",
        "syncopated music",
    ),
    "impact_emergency": ("alarms", "breakage"),
}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Word(_Record):
    """An attribute or a source; written as a plain string where it suits everything.

    Attributes:
        word: as ``Template.tspe`` takes it, "opera" or "the sea".
        only_for: kinds of sounds; the word is for tasks whose every label is of one of them. Empty: for all.
        not_for: kinds of sounds; the word is not for tasks with a label of one of them.
    """

    word: str
    only_for: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        return {"word": value} if isinstance(value, str) else value


class WordList(_Record):
    """The words for one task category."""

    attributes: tuple[Word, ...]
    sources: tuple[Word, ...]


class Lexicon(_Record):
    """What ``lexicon.json`` holds.

    Attributes:
        categories: words by task category, ``"general"`` for none.
        kinds: kinds of sounds, each with the names that labels of that kind contain.
        clashes: for an attribute the sources it is not put together with.
        names: names of sounds by task category, by which labels are told to be of one.
    """

    categories: dict[str, WordList]
    kinds: dict[str, tuple[str, ...]]
    clashes: dict[str, tuple[str, ...]]
    names: dict[Category, tuple[str, ...]]

    @field_validator("categories")
    @classmethod
    def _complete(cls, categories: dict[str, WordList]) -> dict[str, WordList]:
        if categories.keys() != {*CATEGORIES, GENERAL}:
            raise ValueError(f"must be {', '.join(CATEGORIES)} and {GENERAL}")
        return categories

    @model_validator(mode="after")
    def _known_kinds(self) -> "Lexicon":
        for words in self.categories.values():
            for word in (*words.attributes, *words.sources):
                if unknown := {*word.only_for, *word.not_for} - self.kinds.keys():
                    raise ValueError(f"{word.word!r} names kinds that are not listed: {', '.join(sorted(unknown))}")
        return self

    def attributes(self, category: Category | None, labels: Sequence[str] = ()) -> tuple[str, ...]:
        """Choose the attributes that suit a category and its labels, in the lexicon's order."""
        return self._suitable(self.categories[category or GENERAL].attributes, labels)

    def sources(self, category: Category | None, labels: Sequence[str] = ()) -> tuple[str, ...]:
        """Choose the sources that suit a category and its labels, in the lexicon's order."""
        return self._suitable(self.categories[category or GENERAL].sources, labels)

    def goes_together(self, attribute: str, source: str) -> bool:
        """Tell whether an attribute and a source make sense in one prompt: not "a distant ... from the distance"."""
        return source not in self.clashes.get(attribute, ()) and not _words(attribute) & _words(source)

    def share_of(self, category: Category, labels: Sequence[str]) -> float:
        """How many of some labels are known to be of a category, 0 to 1."""
        names = [*self.names[category], *(name for kind in KINDS_OF.get(category, ()) for name in self.kinds[kind])]
        return sum(_contains(label, names) for label in labels) / max(len(labels), 1)

    def _suitable(self, words: Sequence[Word], labels: Sequence[str]) -> tuple[str, ...]:
        taken = set().union(*map(_words, labels))
        return tuple(word.word for word in words if self._suits(word, labels) and not _words(word.word) & taken)

    def _suits(self, word: Word, labels: Sequence[str]) -> bool:
        if any(self._is_of(kind, label) for kind in word.not_for for label in labels):
            return False
        if not word.only_for:
            return True
        return bool(labels) and all(any(self._is_of(kind, label) for kind in word.only_for) for label in labels)

    def _is_of(self, kind: str, label: str) -> bool:
        """Tell whether a label contains, as whole words, one of the names of a kind; a plural s is ignored."""
        return _contains(label, self.kinds[kind])


@cache
def lexicon() -> Lexicon:
    """Read the lexicon that comes with this package."""
    return Lexicon.model_validate_json(Path(__file__).with_name("lexicon.json").read_bytes())


def _contains(label: str, names: Sequence[str]) -> bool:
    """Tell whether a label contains one of some names as whole words; a plural s is ignored."""
    return re.search(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, names))})s?(?![^\W_])", label.casefold()) is not None


def _words(phrase: str) -> set[str]:
    """Return the words that carry a phrase's meaning, plural or not."""
    return {word.removesuffix("s") for word in re.findall(r"[^\W_]+", phrase.casefold())} - {"the", "a", "an", "of"}
