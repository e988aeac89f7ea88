"""Candidates from the lexicon that comes with this package: no key, no network.

>>> lexicon = OfflineLexicon(seed=1)
>>> task = Task("instruments", ("violin", "flute"))
>>> for template in lexicon.candidates(task, lexicon.ideas(task), count=2):
...     print(template.fill("violin"))
A full sound of violin
The sound of violin coming from a street performer
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random

from pydantic import JsonValue

from audioprompt.prompts.generators.base import COUNT, GeneratorSettings, Ideas, Task
from audioprompt.prompts.lexicon import lexicon
from audioprompt.prompts.template import Template

KINDS = ("attribute", "source")  # of words
Words = tuple[str | None, str | None]  # attribute and source of one prompt


class OfflineLexicon:
    """Writes candidates from the lexicon that comes with this package: no key, no network.

    The same seed, task and ideas give the same candidates. The three formats come in turn, and every word is used
    about as often as any other.
    """

    name = "lexicon"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.notice: str | None = None

    @property
    def settings(self) -> dict[str, JsonValue]:
        """The seed."""
        return {"seed": self.seed}

    def ideas(self, task: Task) -> Ideas:
        """Choose the lexicon's words for the task's category that suit its labels and name none of them."""
        words = lexicon()
        return Ideas(words.attributes(task.category, task.labels), words.sources(task.category, task.labels))

    def candidates(self, task: Task, ideas: Ideas, count: int = COUNT) -> Iterator[Template]:
        """Combine the words of ``ideas``, with the exception of pairs that make no sense; fewer if they do not last."""
        self.notice = None
        choices = Random(self.seed)
        attributes = choices.sample(ideas.attributes, len(ideas.attributes))
        sources = choices.sample(ideas.sources, len(ideas.sources))
        chosen = list(islice(_Turns(attributes, sources), count))
        if len(chosen) < count:
            self.notice = f"These words give {len(chosen)} of {count} prompts: keep or add more of them."
        for words in chosen:
            yield Template.tspe(*words)


def make(settings: GeneratorSettings) -> OfflineLexicon:
    """Make a generator of settings."""
    return OfflineLexicon(settings.seed or 0)


class _Turns(Iterator[Words]):
    """Takes an attribute, a source and a pair in turn, each time the choice whose words have been used least."""

    def __init__(self, attributes: Sequence[str], sources: Sequence[str]) -> None:
        self.attributes, self.sources = attributes, sources
        self.left = {"attribute": list(attributes), "source": list(sources)}  # those not yet used alone
        self.uses: Counter[tuple[str, str]] = Counter()  # by kind and word
        self.taken: set[Words] = set()
        self.formats = ["attribute", "source", "attribute_source"]  # the next one first

    def __next__(self) -> Words:
        while self.formats:
            name = self.formats.pop(0)
            words = self._pair() if name == "attribute_source" else self._alone(name)
            if words is not None:
                self.formats.append(name)
                self.taken.add(words)
                self.uses.update((kind, word) for kind, word in zip(KINDS, words, strict=True) if word)
                return words
        raise StopIteration

    def _used(self, kind: str, word: str) -> int:
        return self.uses[kind, word]

    def _alone(self, kind: str) -> Words | None:
        """Take the word to use alone next."""
        if not self.left[kind]:
            return None
        word = min(self.left[kind], key=lambda word: self._used(kind, word))
        self.left[kind].remove(word)
        return (word, None) if kind == "attribute" else (None, word)

    def _pair(self) -> Words | None:
        """Find the pair to take next; pairs are looked at one by one, from the least used words on."""
        best: Words | None = None
        fewest = 0
        by_use = sorted(self.sources, key=lambda word: self._used("source", word))
        for one in sorted(self.attributes, key=lambda word: self._used("attribute", word)):
            uses = self._used("attribute", one)
            if best and uses + self._used("source", by_use[0]) >= fewest:
                break
            fits = (other for other in by_use if (one, other) not in self.taken and lexicon().goes_together(one, other))
            if (other := next(fits, None)) and (not best or uses + self._used("source", other) < fewest):
                best, fewest = (one, other), uses + self._used("source", other)
        return best
