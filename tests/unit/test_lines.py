"""Words in one line."""

import io

import pytest

from audioprompt.util.text import counted, first_of, named, one_line, print_any_letter


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (0, "clip", "0 clips"),
        (1, "clip", "1 clip"),
        (2, "clip", "2 clips"),
        (1, "class", "1 class"),
        (3, "class", "3 classes"),
    ],
)
def test_things_are_counted(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words


def test_a_long_list_says_that_there_is_more() -> None:
    words = ["rain", "wind", "owl"]
    assert first_of(words, 2) == "rain, wind, …"
    assert first_of(words, 3) == "rain, wind, owl"
    assert first_of([], 3) == ""
    assert named(words) == "rain, wind, owl" and named([*words, "cow", "bee"]) == "rain, wind, owl and 2 more"


@pytest.mark.parametrize("text", [" a\tb\r\n", "a\u202eb", "a\x00\x9fb", "a\u2028b", "\ud800a b"])
def test_whatever_breaks_a_line_becomes_a_blank(text: str) -> None:
    assert one_line(text) == "a b"


def test_a_letter_that_the_terminal_does_not_have_is_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="cp1252", write_through=True))
    print_any_letter()
    print("狗叫, søren")
    assert raw.getvalue().decode("cp1252").strip() == "??, søren"
