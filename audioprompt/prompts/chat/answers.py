"""Reads the lists in an answer that a language model wrote, while it is being written.

Asked for ``{"prompts": ["...", "..."]}``, models answer in many manners: with their thoughts in front, in a code
fence, with other keys, objects, numbers or bullets, with JSON in a string, with Python's quotes, or in plain lines.
What can be understood is understood here, for every list that anyone asks for.

    >>> reader = ListReader(["prompts"])
    >>> list(reader.feed('<think>{"prompts": ["..."]}</think> {"prompts": ["A loud sound of {label}", "A fa'))
    [('prompts', 'A loud sound of {label}')]
    >>> list(reader.feed('int sound of {label}"]}')), reader.complete
    ([('prompts', 'A faint sound of {label}')], True)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from audioprompt.util.text import QUOTES, has_bullet, one_line, undecorated

Item = tuple[str, str]  # the name of a list, and one of its items
FORGET: Item = ("", "")  # what came so far was not part of the answer

MAX_VALUES = 200  # places in an answer at which a JSON value is looked for
DEEPEST = 30  # lists and objects inside of each other
LONGEST_LINE = 300  # characters of a line that may be an item


class ListReader:
    """Reads lists of texts from the pieces of an answer.

    Args:
        names: of the lists asked for. A list of another name is taken for the only one, or by its order.

    Attributes:
        complete: whether all lists have come to their end, so that nothing more needs to be read.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.complete = False
        self._thoughts = ThoughtFilter()
        self._text = ""  # of the answer, without thoughts
        self._position = 0  # up to where well-formed lists are read
        self._open: str | None = None  # the list that is being read
        self._items_of_open = 0
        self._closed: set[str] = set()
        self._given: set[Item] = set()

    @property
    def wrote(self) -> bool:
        """Whether there is anything besides thoughts."""
        return bool(self._text.strip())

    @property
    def thought(self) -> bool:
        """Whether there are thoughts among it."""
        return self._thoughts.some

    @property
    def is_cut(self) -> bool:
        """Whether it ends in the middle of a list or object."""
        opened, closed = (sum(map(self._text.count, brackets)) for brackets in ("[{", "]}"))
        return opened > closed

    def feed(self, piece: str) -> Iterator[Item]:
        """Yield the items that are complete with this piece of the answer, as far as it is well-formed JSON."""
        shown = self._thoughts.feed(piece)
        if self._thoughts.restarted:  # all that came before was a thought
            self._text, self._position, self._open = "", 0, None
            if self._given:
                self._given.clear()
                self._closed.clear()
                yield FORGET
        self._text += shown
        while not self.complete:
            if self._open is None and not self._enter():
                return
            item = self._next()
            if item is None:
                return
            yield from self._give(self._open or "", item)

    def finish(self) -> Iterator[Item]:
        """Yield what else is in the answer, now that it has ended, however it is written."""
        self._text += self._thoughts.rest()
        if not self._closed.issuperset(self.names):
            for name, item in read_lists(self._text, self.names):
                if (name, item) not in self._given:
                    yield name, item

    def _enter(self) -> bool:
        """Go to the next list of a name asked for, if it has begun."""
        names = "|".join(map(re.escape, self.names))
        opening = re.compile(rf'"({names})"\s*:\s*\[').search(self._text, self._position)
        if not opening:
            self._position = max(self._position, len(self._text) - 100)  # the opening may be cut
            return False
        self._open, self._position, self._items_of_open = opening[1], opening.end(), 0
        return True

    def _next(self) -> Any:
        """Take the next item of the open list, None where there is none yet; close a list at its end."""
        while self._text[self._position : self._position + 1] in _SEPARATORS:
            self._position += 1
        if self._text.startswith("]", self._position):
            if self._items_of_open:
                self._closed.add(self._open or "")
            self._open = None
            # behind other words it may be a draft in thoughts that nothing marks as such
            self.complete = self._closed.issuperset(self.names) and not _PREFACE.match(self._text)
            return ()
        try:
            item, self._position = json.JSONDecoder(strict=False).raw_decode(self._text, self._position)
        except (ValueError, RecursionError):
            return None
        return () if item is None else item

    def _give(self, name: str, item: Any) -> Iterator[Item]:
        for text in _texts(item):
            self._items_of_open += 1
            self._given.add((name, text))
            yield name, text


_SEPARATORS = frozenset(" \t\r\n,")  # between the items of a list
_PREFACE = re.compile(r"\s*[^\s{\[`]")


# --- thoughts ---------------------------------------------------------------------------------------------------------


class ThoughtFilter:
    """Leaves out what a model thinks aloud before it answers: ``<think>...</think>`` and its kin.

    Attributes:
        some: whether there were thoughts.
        restarted: whether the last piece ended a thought whose beginning was never marked.
    """

    def __init__(self) -> None:
        self.some = self.restarted = False
        self._thinking = False
        self._held = ""  # may be the beginning of a mark

    def feed(self, piece: str) -> str:
        """Take a piece of the answer and return what so far is not a thought."""
        self.restarted, shown = False, ""
        self._held += piece
        while found := (_THOUGHT_ENDS if self._thinking else _THOUGHT_MARK).search(self._held):
            if not self._thinking:
                shown += self._held[: found.start()]
            if not self._thinking and found["end"]:
                self.restarted, shown = True, ""
            self._thinking = not self._thinking and not found["end"]
            self.some = True
            self._held = self._held[found.end() :]
        if cut := _MARK_CUT.search(self._held):
            done, self._held = self._held[: cut.start()], self._held[cut.start() :]
        else:
            done, self._held = self._held, ""
        return shown if self._thinking else shown + done

    def rest(self) -> str:
        """Return what was held back and is not a mark after all."""
        held, self._held = self._held, ""
        return "" if self._thinking else held


_THOUGHT_TAGS = r"(?:think|thinking|thought|thoughts|reasoning|reflection|seed:think)"
_END = rf"(?P<end></{_THOUGHT_TAGS}>|\[/THINK\]|<\|channel\|>final[^<]{{0,40}}<\|message\|>)"
_THOUGHT_ENDS = re.compile(_END, re.IGNORECASE)
_THOUGHT_MARK = re.compile(
    rf"{_END}|<{_THOUGHT_TAGS}>|\[THINK\]|<\|channel\|>(?:analysis|commentary)[^<]{{0,40}}<\|message\|>", re.IGNORECASE
)
_MARK_CUT = re.compile(r"(?:</?[\w:]{0,12}|\[/?\w{0,5}|<\|[^\n]{0,70})\Z")


# --- a whole answer ---------------------------------------------------------------------------------------------------


def read_lists(text: str, names: Sequence[str]) -> Iterator[Item]:
    """Read the items of the lists of these names in a whole answer, or in what there is of one.

    Args:
        text: of the answer, without thoughts.
        names: of the lists.
    """
    found: list[Item] = []
    unnamed: list[list[str]] = []
    if text.lstrip().startswith('"{') or text.lstrip().startswith('"['):  # all of it is a JSON string
        with suppress(ValueError):
            text = str(json.loads(text, strict=False))
    for value in _values(text):
        found += _find_items(value, names, unnamed)
    if len(names) == len(unnamed) and not found:
        found = [(name, item) for name, items in zip(names, unnamed, strict=True) for item in items]
    yield from found or _from_lines(text, names)


def _find_items(value: Any, names: Sequence[str], unnamed: list[list[str]], depth: int = 0) -> list[Item]:
    """Find the items below a value that is not part of a list asked for; lists without a name are collected apart."""
    if depth > DEEPEST:
        return []
    if isinstance(value, str):
        inner = next(_values(value), None) if value.lstrip()[:1] in ("{", "[") else None
        return [] if inner is None else _find_items(inner, names, unnamed, depth + 1)
    if isinstance(value, list):
        texts = [text for one in value if not _holds(one, names) for text in _texts(one)]
        if any(isinstance(one, list) for one in value) and len(value) == len(names) > 1:
            unnamed += [list(_texts(one)) for one in value]
            return []
        below = [item for one in value if _holds(one, names) for item in _find_items(one, names, unnamed, depth + 1)]
        if not below and texts:
            if len(names) == 1:
                return [(names[0], text) for text in texts]
            unnamed.append(texts)
        return below
    if not isinstance(value, dict):
        return []
    called = {key: _name_of(key, names) for key in value}
    if any(called.values()):
        return [(name, text) for key, name in called.items() if name for text in _split_list(value[key], names)]
    below = [item for one in value.values() for item in _find_items(one, names, unnamed, depth + 1)]
    if not below and len(names) == 1 and (text := _text_of_object(value)):
        return [(names[0], text)]
    return below


def _holds(value: Any, names: Sequence[str]) -> bool:
    """Whether an object has one of the lists itself, and is not an item of one."""
    return isinstance(value, dict) and any(
        _name_of(key, names) and isinstance(one, (str, list, dict)) for key, one in value.items()
    )


def _split_list(value: Any, names: Sequence[str]) -> list[str]:
    """Read the items of one list; of words, which have no commas, they may be in one text."""
    texts = list(_texts(value))
    if isinstance(value, str) and len(names) > 1 and len(texts) == 1:
        return list(filter(None, map(undecorated, texts[0].split(","))))
    return texts


def _name_of(key: str, names: Sequence[str]) -> str | None:
    """Which of the lists a key means."""
    folded = key.casefold()
    return next((name for name in names if re.search(_SYNONYMS.get(name, name), folded)), None)


_SYNONYMS = {"prompts": r"^prompts\b", "attributes": r"attribut|adjectiv", "sources": r"source|place|location|origin"}


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Read the items that one value of a list holds."""
    if depth > DEEPEST:
        return
    inner: Any = ()
    if isinstance(value, str):
        inner = _json_inside(value)
        if inner is None:
            yield from _text_lines(value)
    elif isinstance(value, list):
        inner = value
    elif isinstance(value, dict):
        own = _text_of_object(value)
        inner = (own,) if own else value.values()
    for one in (inner,) if isinstance(inner, dict) else inner or ():
        yield from _texts(one, depth + 1)


def _json_inside(text: str) -> Any:
    """Parse a list or object that a text is itself; None where it is something else."""
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    inner = next(_values(text), None)
    return inner if isinstance(inner, list) or (isinstance(inner, dict) and inner and '"' in text) else None


def _text_lines(text: str) -> Iterator[str]:
    """Read the items of a text: each line of a list with bullets, else all of it, however it is broken into lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    if sum(has_bullet(line) for line in lines) < 2:
        lines = [one_line(text)]
    for line in lines:
        if (item := undecorated(line)) and any(map(str.isalpha, item)):
            yield item


def _text_of_object(value: dict[str, Any]) -> str | None:
    """Find the text of an item that is written as an object, by the usual keys or as its only text."""
    texts = {key.casefold(): one for key, one in value.items() if isinstance(one, str)}
    usual = next((texts[key] for key in _TEXT_KEYS if texts.get(key)), None)
    if usual or any(isinstance(one, (list, dict)) for one in value.values()):
        return usual
    return next(iter(texts.values())) if len(texts) == 1 else None


_TEXT_KEYS = ("prompt", "text", "template", "word", "attribute", "source", "name", "value", "content", "item", "phrase")


def _from_lines(text: str, names: Sequence[str]) -> Iterator[Item]:
    """Items from an answer in plain lines: all with a slot for one list, else those with a bullet under a heading."""
    name: str | None = names[0] if len(names) == 1 else None
    for line in text.splitlines():
        bulleted = has_bullet(line)
        item = undecorated(line)
        heading, colon, words = item.partition(":")
        if len(names) > 1 and (colon or not bulleted) and (called := _name_of(heading, names)):
            name = called
            for word in words.strip(" *").split(","):
                if word := undecorated(word):
                    yield name, word
        elif name and item and len(item) <= LONGEST_LINE and (bulleted if len(names) > 1 else _SLOT_LIKE.search(item)):
            yield name, item


_SLOT_LIKE = re.compile(r"[{<\[]\s*\w+\s*[}>\]]")


# --- values that are nearly JSON --------------------------------------------------------------------------------------


def _values(text: str) -> Iterator[Any]:
    """Read the JSON values in a text that are lists or objects, the last as far as it was written."""
    position = 0
    for _ in range(MAX_VALUES):
        opening = _OPENING.search(text, position)
        if not opening:
            return
        start = opening.start()
        try:
            value, position = json.JSONDecoder(strict=False).raw_decode(text, start)
        except (ValueError, RecursionError):
            reader = _Lenient(text, start)
            try:
                value, position = reader.value(0), reader.position
            except ValueError:
                position = start + 1
                continue
        if value:
            yield value


_OPENING = re.compile(r"[{\[]")


class _Lenient:
    """Reads what is nearly JSON: any quotes, commas too many, comments, unquoted words, an end that is missing."""

    def __init__(self, text: str, position: int) -> None:
        self.text, self.position = text, position

    def value(self, depth: int) -> Any:
        """Read the value that begins here.

        Raises:
            ValueError: there is none, or it is nested too deep.
        """
        if depth > DEEPEST:
            raise ValueError("nested too deep")
        character = self.text[self.position : self.position + 1]
        if character == "[":
            return self._list(depth)
        if character == "{":
            return self._object(depth)
        if character in QUOTES:
            return self._string()
        word = _WORD.match(self.text, self.position)
        if not word:
            raise ValueError("no value here")
        self.position = word.end()
        return None  # a number, null, or an ellipsis: no text

    def _list(self, depth: int) -> list[Any]:
        self.position += 1
        items: list[Any] = []
        while not self._at_end("]"):
            items.append(self.value(depth + 1))
        return [item for item in items if item is not None]

    def _object(self, depth: int) -> dict[str, Any]:
        self.position += 1
        items: dict[str, Any] = {}
        while not self._at_end("}"):
            if self.text[self.position] in QUOTES:
                key = self._string()
            else:
                word = _KEY.match(self.text, self.position)
                if not word:
                    raise ValueError("no key here")
                key, self.position = word[0], word.end()
            colon = _COLON.match(self.text, self.position)
            if not colon:
                if self.position >= len(self.text):
                    break
                raise ValueError("no colon behind a key")
            self.position = colon.end()
            if self.position < len(self.text):
                items[key] = self.value(depth + 1)
        return items

    def _at_end(self, bracket: str) -> bool:
        """Go on behind blanks, commas and comments; whether a list or object ends here, or the text does."""
        gap = _GAP.match(self.text, self.position)
        self.position = gap.end() if gap else self.position
        if self.text.startswith(bracket, self.position):
            self.position += 1
            return True
        return self.position >= len(self.text)

    def _string(self) -> str:
        """Read a string, whose end is its own quote before what may follow one; one that does not end is dropped."""
        closing = QUOTES[self.text[self.position]]
        ending = _STRINGS[closing].match(self.text, self.position + 1)
        if not ending:
            self.position = len(self.text)
            return ""
        self.position = ending.end()
        written = ending[1]
        if "\\" not in written:
            return written
        try:
            return str(json.loads('"' + re.sub(r'(?<!\\)"', r"\"", written.replace("\\'", "'")) + '"', strict=False))
        except ValueError:
            return written.replace("\\", "")


_STRINGS = {
    closing: re.compile(rf"((?:\\.|[^\\])*?){re.escape(closing)}(?=\s*(?:[,:\]}}]|\Z|//|#))", re.DOTALL)
    for closing in QUOTES.values()
}
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_KEY = re.compile(r"[^\W\d]\w*")
_COLON = re.compile(r"\s*(?::|=>?)\s*")
_GAP = re.compile(r"(?:[\s,;]|//[^\n]*)*")
