"""Words in one line: names and messages from elsewhere, numbers of things, the first of many."""

import io
import re
import sys
from collections.abc import Sequence

MAX_NAMED = 3  # in a message


def one_line(text: str) -> str:
    """Collapse each run of blanks, line ends, control characters and lone surrogates to one blank, and trim.

    Control characters include those that turn the direction of all text behind them, with which a name can pass for
    another one; right-to-left scripts need none of them, and marks between letters stay.
    """
    return _BLANKS.sub(" ", text).strip()


def encodable(text: str) -> str:
    """Write out what a name of a file holds that is no text, so that UTF-8 can: as a number behind a backslash."""
    return text.encode("utf-8", "backslashreplace").decode()


def sentence(words: object) -> str:
    """Write what is said as a sentence: a capital first, unless it begins with the name of a file, and a full stop."""
    text = str(words)
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    text = text[:1].upper() + text[1:] if first.isalpha() else text
    return text + "." * (bool(first) and not text.endswith((".", "!", "?", "…")))


_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def print_any_letter() -> None:
    """Let stdout and stderr show a question mark for a letter that the terminal does not have.

    They would raise an error instead, and finished work would be lost for want of a letter.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


QUOTES = {
    '"': '"',
    "'": "'",
    "\u201c": "\u201d",
    "\u2018": "\u2019",
    "\u00ab": "\u00bb",
    "`": "`",
}  # closing, by opening
_BULLET = re.compile(r"(?:\(?\d{1,4}[.):](?=\s|[\"'`*])|[-*\u2022\u2013\u2014](?=\s))\s*")


def has_bullet(line: str) -> bool:
    """Whether a line begins like an item of a list: ``1.``, ``2)``, ``-``, ``*``."""
    return _BULLET.match(line.strip()) is not None


def undecorated(line: str, bullets: bool = True) -> str:
    """Return an item of a list without its number or bullet, the comma behind it, and its quotes or emphasis.

    >>> undecorated(' 3. "a loud sound",')
    'a loud sound'
    """
    line = line.strip()
    if bullets:
        line = line[found.end() :] if (found := _BULLET.match(line)) else line
    line = line.removesuffix(",").strip()
    while len(line) > 1 and line[-1] in (QUOTES.get(line[0]), "*" * (line[0] == "*")):
        line = line[1:-1].strip()
    return line


def counted(number: int, noun: str) -> str:
    """So many of them: 1 clip, 2 classes."""
    return f"{number} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"


def first_of(words: Sequence[str], most: int) -> str:
    """Return the first words of a list, and whether there are more: "rain, wind, …"."""
    return joined([*words[:most], *["…"] * (len(words) > most)])


def named(names: Sequence[str]) -> str:
    """Return the first few of some names, and how many more there are: "rain, wind, owl and 2 more"."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return joined(names[:MAX_NAMED]) + more


def joined(words: Sequence[str]) -> str:
    """Words as a person reads them in a row, with semicolons between them where one has a comma in it."""
    return ("; " if any("," in word for word in words) else ", ").join(words)
