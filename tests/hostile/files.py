"""Files that lie: changes that any file can suffer, and JSON whose values are not what they should be."""

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

# What a field of a header should not hold.
NUMBERS = (0, 1, 2, 7, 255, 256, 1_025, 65_535, 65_536, 10**6, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**64 - 1)
FORMATS = ("<B", "<H", "<I", "<Q", ">H", ">I", ">Q")

# Texts that somebody may hope to see run, shown or taken for another one.
TEXTS = (
    "",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "${alert(1)}",
    "{{7*7}}",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\windows\\evil",
    "file:///etc/passwd",
    "a\0b",
    "a\nb\r\nc",
    "\x1b[2J",
    "rain\u202egnp.wav",
    "\ud800",
    "\ufeff",
    "__import__('os').system('x')",
    "x" * 5_000,
    "9" * 5_000,
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    None,
    True,
    False,
    0,
    -1,
    0.5,
    2**31,
    10**30,
    10**400,
    -(10**400),
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    [None],
    {"": None},
    "1e999",
    "2026-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
)


def number(value: int, kind: str) -> bytes:
    """A number as a header holds it, cut to the width it has there."""
    width = struct.calcsize(kind)
    return struct.pack(kind, value % 256**width)


def overwritten(content: bytes, at: int, piece: bytes) -> bytes:
    return content[:at] + piece + content[at + len(piece) :]


def lies_in_fields(content: bytes, fields: Iterable[int], kinds: Sequence[str] = ("<H", "<I")) -> Iterator[bytes]:
    """A file with each of its numbers, by where they stand, replaced with each that it should not be."""
    for at in fields:
        for kind in kinds:
            for value in NUMBERS:
                yield overwritten(content, at, number(value, kind))


def lies_behind(content: bytes, marks: Iterable[bytes], reach: int, kinds: Sequence[str]) -> Iterator[bytes]:
    """A file with the numbers behind each mark replaced: the fields of an atom, a chunk or an element."""
    for mark in marks:
        at = content.find(mark)
        if at >= 0:
            yield from lies_in_fields(content, range(at + len(mark), at + len(mark) + reach, 4), kinds)


@st.composite
def changed(draw: st.DrawFn, seeds: Sequence[bytes], words: Sequence[bytes] = (b"\0",)) -> bytes:
    """A valid file after one to eight accidents: bytes and numbers changed, pieces cut, repeated or of another."""
    content = draw(st.sampled_from(seeds))
    for kind, place, length, value, form in draw(st.lists(_ACCIDENTS, min_size=1, max_size=8)):
        near = kind.startswith("early")
        at = place * min(len(content), 200 if near else len(content)) >> 16
        piece = content[at : at + length]
        match kind.removeprefix("early "):
            case "number":
                content = overwritten(content, at, number(value, form))
            case "byte":
                content = overwritten(content, at, bytes([length]))
            case "cut":
                content = content[:at] + content[at + length :]
            case "repeat":
                content = content[:at] + piece * (1 + length % 5) + content[at:]
            case "word":
                content = content[:at] + words[value % len(words)] + content[at + length % 3 :]
            case "splice":
                other = seeds[value % len(seeds)]
                start = place * len(other) >> 16
                content = content[:at] + other[start : start + 8 * length] + content[at + length :]
            case "end":
                content = content[:at]
    return content


_ACCIDENTS = st.tuples(
    st.sampled_from(
        [
            "early number",
            "number",
            "early byte",
            "byte",
            "early cut",
            "cut",
            "repeat",
            "word",
            "early word",
            "splice",
            "end",
        ]
    ),
    st.integers(0, 2**16 - 1),
    st.integers(1, 255),
    st.sampled_from(NUMBERS),
    st.sampled_from(FORMATS),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a JSON value, itself included."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def put(value: Any, path: Sequence[Any], new: Any) -> Any:
    """A JSON value with another one somewhere in it."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def json_lies(valid: Any) -> Iterator[Any]:
    """A JSON value with everything in it replaced, in turn, with everything that it should not be."""
    for path in places(valid):
        for new in VALUES:
            yield put(valid, path, new)


@st.composite
def json_changed(draw: st.DrawFn, valid: Any) -> str:
    """The text of a JSON value in which one to four others stand, or fields that there are not."""
    content = valid
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(content))))
        new = draw(st.sampled_from(VALUES) | st.text(max_size=20) | st.integers() | st.floats())
        if draw(st.booleans()) and path and isinstance(path[-1], str):
            content = put(content, path[:-1], {**_at(content, path[:-1]), draw(st.sampled_from(TEXTS)): new})
        else:
            content = put(content, path, new)
    return json.dumps(content)


def _at(value: Any, path: Sequence[Any]) -> Any:
    for part in path:
        value = value[part]
    return value
