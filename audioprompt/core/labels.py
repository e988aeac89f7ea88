"""Lists of labels as people write them: read from a text field, and written so that they are read back the same."""

# ruff: noqa: RUF001, separators of other scripts are meant

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

from audioprompt.errors import AudiopromptError
from audioprompt.util.text import one_line

MIN_LABELS, MAX_LABELS = 2, 200
LABEL_CHARACTERS = 200  # as many as a class of a fitted head may have
TEXT_CHARACTERS = 100_000  # of a whole list


class LabelError(AudiopromptError, ValueError):
    """A list of labels cannot be used; the message says what to change."""


@dataclass(frozen=True)
class LabelList:
    """The labels of a typed list, in its order.

    Attributes:
        labels: distinct, each of one line.
        notice: what was left out or could be meant otherwise, in sentences; None where nothing was.
    """

    labels: tuple[str, ...]
    notice: str | None = None


def parse_labels(text: str) -> LabelList:
    """Read labels that a person typed or pasted.

    Commas, semicolons and line breaks separate them, those of Chinese, Japanese and Arabic too. A label may hold a
    comma where each label has a line of its own, and inside quotes. JSON and Python lists, numbered and bulleted lists
    are understood.

    >>> parse_labels("rain, sea waves, Rain")
    LabelList(labels=('rain', 'sea waves'), notice='Ignored duplicate label: Rain.')
    >>> parse_labels('"dog bark, domestic animal"; rain').labels
    ('dog bark, domestic animal', 'rain')

    Raises:
        LabelError: too few labels, too many, or one that is too long.
    """
    if len(text) > TEXT_CHARACTERS:
        raise LabelError(f"The list of labels is too long: keep it to {MAX_LABELS} labels.")
    labels: dict[str, str] = {}  # as written, by how it is compared
    repeats: dict[str, None] = {}
    written, notice = _read(text)
    for label in map(clean_label, written):
        if len(label) > LABEL_CHARACTERS:
            raise LabelError(
                f"The label “{label[:40]}…” has {len(label)} characters: shorten it to {LABEL_CHARACTERS}, "
                "and put commas or line breaks between labels."
            )
        key = label_key(label)
        if key in labels:
            repeats[label] = None
        elif key:
            labels[key] = label
    if len(labels) < MIN_LABELS:
        raise LabelError(
            "There is nothing to choose between: give at least two labels, like “rain, sea waves”. Commas, semicolons "
            "and line breaks separate them."
        )
    if len(labels) > MAX_LABELS:
        raise LabelError(f"{len(labels)} labels are too many: keep it to {MAX_LABELS}.")
    left_out = f"Ignored duplicate label: {', '.join(repeats)}." if repeats else None
    return LabelList(tuple(labels.values()), " ".join(filter(None, (left_out, notice))) or None)


def as_labels(given: str | Iterable[object]) -> list[str]:
    """Labels as Python code gives them: a list of texts, or one text as `parse_labels` reads it.

    Raises:
        LabelError: one is missing, or there is none.
    """
    if isinstance(given, str):
        return list(parse_labels(given).labels)
    labels = list(given)
    for number, label in enumerate(labels, 1):
        if not isinstance(label, str) or not label.strip():
            raise LabelError(f"Label {number} is missing ({label!r:.40}): give each as a text, like “rain”.")
    if not labels:
        raise LabelError("There is nothing to choose between: give at least two labels, like “rain, sea waves”.")
    return [str(label) for label in labels]


def join_labels(labels: Sequence[str]) -> str:
    """Write labels as a text that `parse_labels` reads back exactly: with commas where that is possible.

    >>> join_labels(["rain", "sea waves"])
    'rain, sea waves'
    >>> print(join_labels(["dog bark, domestic animal", "rain"]))
    "dog bark, domestic animal"
    rain
    """
    labels = [clean_label(label) for label in labels]
    as_lines = "\n".join(json.dumps(one, ensure_ascii=False) if _UNSAFE.search(one) else one for one in labels)
    ways = (", ".join(labels), as_lines)
    return next((text for text in ways if _read(text) == (labels, None)), json.dumps(labels, ensure_ascii=False))


def clean_label(label: str) -> str:
    """Return a label in one line and in composed form (NFC), without the characters that nobody sees."""
    label = unicodedata.normalize("NFC", _INVISIBLE.sub("", label))
    return one_line(label).strip(f" {_JOINERS}")


def label_key(label: str) -> str:
    """Return what is the same for labels that a reader takes for the same: case, forms and invisible characters left
    out.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    return one_line("".join(one for one in folded if unicodedata.category(one) != "Cf"))


# --- how lists are written --------------------------------------------------------------------------------------------

_JOINERS = "\u200c\u200d"  # zero-width; inside words some scripts and emoji need them
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\ufeff]")
_COMMAS = ",，﹐،"
_ALWAYS = ";；﹔؛、､•"  # separate even where each line is a label
_SEPARATORS = _COMMAS + _ALWAYS
_PAIRS = (("“", "”"), ("„", "“"), ("‘", "’"), ("«", "»"), ("「", "」"), ("『", "』"))
_JSON_STRING, _PYTHON_STRING = r'(?<!\\)"(?:[^"\\]|\\.|"")*"', r"(?<!\\)'(?:[^'\\]|\\.)*'"
_QUOTED = "|".join(
    (_JSON_STRING, _PYTHON_STRING, *(f"{opened}[^{opened}{closed}]*{closed}" for opened, closed in _PAIRS))
)
_WHOLLY_QUOTED = re.compile(_QUOTED, re.DOTALL)
_ITEM = re.compile(rf"\s*(?:(?:{_QUOTED})\s*(?=[{_SEPARATORS}]|$)|[^{_SEPARATORS}]*)", re.DOTALL)
_UNSAFE = re.compile(rf"""[{_SEPARATORS}"'\\]""")

_WRITTEN_OUT = re.compile(r"""(?:[\w."' ]{1,60}[=:]\s*)?([\[({].*[\])}])\s*[;,]?""", re.DOTALL)
_STRING = re.compile(rf"u?({_JSON_STRING}|{_PYTHON_STRING})", re.DOTALL)
_VALUE = re.compile(rf":\s*u?({_JSON_STRING}|{_PYTHON_STRING})", re.DOTALL)

_BULLET = re.compile(r"(?:[-*+–—·▪▸►‣]\s+|[•◦●○■□]\s*)(?:\[[ xX]\]\s+)?")
_NUMBER = re.compile(r"[(\[（]?(?:(\d{1,3})(?:[.:)\]）．：、]\s*(?!\d)|\s*[-–]\s+)|([A-Za-z])[.)]\s+)")
_NEXT_NUMBER = re.compile(r"(?<!\s)\s+(?=\(?\d{1,3}[.)]\s)")


def _read(text: str) -> tuple[list[str], str | None]:
    """Return the labels of a list as they are written, and what else it could mean, as a sentence."""
    listed = _written_out(text.strip())
    if isinstance(listed, list):
        return listed, None
    lines = [line for line in map(str.strip, listed.splitlines()) if line.strip(f"{_SEPARATORS} ")]
    lines, marked = _without_marks(lines)
    ends = {line[-1] for line in lines[:-1]}
    whole = [line.rstrip(f"{_SEPARATORS} ") for line in lines]
    separated = any(re.search(f"[{_ALWAYS}]", _WHOLLY_QUOTED.sub("", line)) for line in whole)
    if marked or not (len(lines) < 2 or separated or ends & set(_COMMAS)):
        with_comma = next((line for line in whole if re.search(f"[{_COMMAS}]", _WHOLLY_QUOTED.sub("", line))), None)
        return [_unquoted(line) for line in whole], _by_lines(with_comma) if with_comma and not marked else None
    items = [item for line in lines for item in _split(line)]
    if len(items) == 1:
        items = _NEXT_NUMBER.split(items[0])
    return [_unquoted(item) for item in _without_marks(items)[0]], None


def _by_lines(line: str) -> str:
    """Return what could be meant otherwise where every line is a label, shown by one that has a comma in it."""
    return f"Each line is one label, so “{one_line(line)[:60]}” is one label. Commas separate labels in a single line."


def _written_out(text: str) -> list[str] | str:
    """Return the strings of a JSON or Python list, or of a dictionary; else the text, without brackets around it."""
    found = _WRITTEN_OUT.fullmatch(text)
    if not found:
        return text
    body = found[1]
    try:
        return _strings(json.loads(body, strict=False))
    except (ValueError, RecursionError):
        pass
    if not re.sub(r"\bnp\.str_|[\s,:\d\[\](){}]", "", _STRING.sub("", body)):
        values = _VALUE.findall(body) or _STRING.findall(body)
        if values:
            return [_unquoted(value) for value in values]
    inside = body[1:-1]
    return inside if found.start(1) == 0 and not re.search(r"[\[\](){}]", inside) else text


def _strings(value: Any) -> list[str]:
    """All strings in what JSON holds, numbers in a list too; of names with a number each the names."""
    if isinstance(value, dict):
        inner = [one for one in value.values() if isinstance(one, str | list | dict)]
        return [text for one in inner for text in _strings(one)] if inner else list(value)
    if isinstance(value, list):
        return [text for one in value for text in _strings(one)]
    return [] if value is None else [str(value)]


def _without_marks(items: list[str]) -> tuple[list[str], bool]:
    """Return the items of a numbered or bulleted list without numbers and bullets, and whether it was one."""
    if len(items) > 2 and items[0].endswith((":", "：")):
        rest, marked = _without_marks(items[1:])
        if marked:
            return rest, True
    for marks in ([_BULLET.match(item) for item in items], _numbers(items)):
        if len(items) > 1 and all(marks):
            return [item[mark.end() :] for item, mark in zip(items, marks, strict=True) if mark], True
    return items, False


def _numbers(items: list[str]) -> list[re.Match[str] | None]:
    """Return the numbers or letters before the items where they count on from 0, 1 or a; else nothing."""
    marks = [_NUMBER.match(item) for item in items]
    numbers = [mark and (int(mark[1]) if mark[1] else ord(mark[2].lower()) - ord("a")) for mark in marks]
    in_order = numbers and numbers[0] in (0, 1) and numbers == list(islice(count(numbers[0]), len(items)))
    return marks if in_order else [None] * len(items)


def _split(line: str) -> list[str]:
    """Return the parts of a line between its separators, of which those inside quotes are none."""
    items, start = [], 0
    while start <= len(line):
        found = _ITEM.match(line, start)
        assert found  # it matches everything
        items.append(found[0].strip())
        start = found.end() + 1
    return [item for item in items if item]


def _unquoted(item: str) -> str:
    """Return what is inside the quotes, if the whole item is in quotes."""
    item = item.strip()
    if not _WHOLLY_QUOTED.fullmatch(item):
        return item
    if item[0] == '"':
        try:
            return str(json.loads(item, strict=False))
        except ValueError:
            return item[1:-1].replace('""', '"')
    return re.sub(r"\\(['\\])", r"\1", item[1:-1]) if item[0] == "'" else item[1:-1]
