"""Lists of labels: as people type and paste them, and written so that they are read back the same."""

# ruff: noqa: RUF001, commas of other scripts are what is tested

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.core.labels import (
    LABEL_CHARACTERS,
    MAX_LABELS,
    LabelError,
    LabelList,
    clean_label,
    join_labels,
    label_key,
    parse_labels,
)

ONE_EACH = "Each line is one label, so “Pets, domestic animals” is one label. Commas separate labels in a single line."


@pytest.mark.parametrize(
    ("typed", "labels", "notice"),
    [
        ("rain, sea waves", ("rain", "sea waves"), None),
        ("rain\nsea waves\n\n", ("rain", "sea waves"), None),
        (" rain ,,\r\n sea\twaves,", ("rain", "sea waves"), None),
        ("a, a, b", ("a", "b"), "Ignored duplicate label: a."),
        ("Rain, rain, RAIN, wind, Wind", ("Rain", "wind"), "Ignored duplicate label: rain, RAIN, Wind."),
        ("<img src=x>, ${1}, {{2}}", ("<img src=x>", "${1}", "{{2}}"), None),
        ("雨，海浪、风；狗;猫", ("雨", "海浪", "风", "狗", "猫"), None),
        ("مطر، ريح؛ كلب", ("مطر", "ريح", "كلب"), None),
        ("rain; sea waves, wind\nowl", ("rain", "sea waves", "wind", "owl"), None),
        ("• rain • wind", ("rain", "wind"), None),
        ("cat's purr, dog's bark", ("cat's purr", "dog's bark"), None),
        ("1.5 kHz, 2.5 kHz", ("1.5 kHz", "2.5 kHz"), None),
    ],
)
def test_separators(typed, labels, notice):
    found = parse_labels(typed)
    assert (found.labels, found.notice) == (labels, notice)


@pytest.mark.parametrize(
    ("typed", "labels", "notice"),
    [
        ("Pets, domestic animals\nRain\nMan, speaking", ("Pets, domestic animals", "Rain", "Man, speaking"), ONE_EACH),
        ("rain, wind,\nsea waves, owl", ("rain", "wind", "sea waves", "owl"), None),  # one list over two lines
        ('"pets, domestic animals", rain', ("pets, domestic animals", "rain"), None),
        ("'pets, domestic animals'; rain", ("pets, domestic animals", "rain"), None),
        ("“pets, domestic animals”，「雨，风」", ("pets, domestic animals", "雨，风"), None),
        ('"a ""loud"" bark, near", rain', ('a "loud" bark, near', "rain"), None),
        ('a "loud" bark, rain', ('a "loud" bark', "rain"), None),
        ('"rain", "wind, strong",\n"owl"', ("rain", "wind, strong", "owl"), None),
    ],
)
def test_labels_with_commas(typed, labels, notice):
    found = parse_labels(typed)
    assert (found.labels, found.notice) == (labels, notice)


@pytest.mark.parametrize(
    ("pasted", "labels"),
    [
        ('["rain, heavy", "wind"]', ("rain, heavy", "wind")),
        ('[\n  "rain",\n  "wind",\n]', ("rain", "wind")),
        ("['rain, heavy', 'dog\\'s bark', \"cat's purr\"]", ("rain, heavy", "dog's bark", "cat's purr")),
        ("labels = ('rain', 'wind')", ("rain", "wind")),
        ("['rain' 'wind'\n 'owl']", ("rain", "wind", "owl")),
        ("[np.str_('rain'), np.str_('wind')]", ("rain", "wind")),
        ("{'rain', 'wind'}", ("rain", "wind")),
        ('{"0": "rain", "1": "wind, strong"}', ("rain", "wind, strong")),
        ("{0: 'rain', 1: 'wind'}", ("rain", "wind")),
        ('{"rain": 0, "wind": 1}', ("rain", "wind")),
        ('{"labels": ["rain", "wind"]}', ("rain", "wind")),
        ("[rain, wind]", ("rain", "wind")),
        ("[rain], [wind]", ("[rain]", "[wind]")),
        ("1. rain\n2. wind, strong\n3) owl", ("rain", "wind, strong", "owl")),
        ("1. rain 2. wind 3. owl", ("rain", "wind", "owl")),
        ("(1) rain, (2) wind", ("rain", "wind")),
        ("1、雨\n2、风", ("雨", "风")),
        ("a) rain\nb) wind", ("rain", "wind")),
        ("808: kick\n909: snare", ("808: kick", "909: snare")),
        ("- rain\n- wind, strong\n", ("rain", "wind, strong")),
        ("Labels:\n* rain\n* wind;\n", ("rain", "wind")),
        ("- [ ] rain\n- [x] wind", ("rain", "wind")),
        ('- "rain"\n- "wind"', ("rain", "wind")),
    ],
)
def test_lists_from_elsewhere(pasted, labels):
    assert parse_labels(pasted).labels == labels
    assert parse_labels(pasted).notice is None


@pytest.mark.parametrize(
    "same",
    [
        ("caf\u00e9", "cafe\u0301"),  # composed and decomposed
        ("rain", "ra\u200bin"),
        ("rain", "\ufeffrain"),
        ("rain", "rain\u200d"),
        ("rain", "ｒａｉｎ"),
        ("STRASSE", "straße"),
    ],
)
def test_labels_that_look_the_same_are_one(same):
    found = parse_labels(f"{same[0]}, wind, {same[1]}")
    assert found.labels == (same[0], "wind")
    assert found.notice and found.notice.startswith("Ignored duplicate label")


def test_what_nobody_sees_is_no_label():
    assert parse_labels("rain, \u200b, \u200d, wind").labels == ("rain", "wind")
    assert parse_labels("می\u200cخواهم, rain").labels[0] == "می\u200cخواهم"  # this word needs it


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "at least two labels"),
        (" , \n,", "at least two labels"),
        ("rain", "Commas, semicolons and line breaks separate them"),
        ("rain, Rain", "at least two labels"),
        ("[]", "at least two labels"),
        (",".join(f"label {n}" for n in range(MAX_LABELS + 1)), "201 labels are too many"),
        ("rain," + "x" * (LABEL_CHARACTERS + 1), f"has {LABEL_CHARACTERS + 1} characters"),
        ("rain, " * 50_000, "too long"),
    ],
)
def test_unusable_labels_are_refused_in_a_sentence(typed, message):
    with pytest.raises(LabelError, match=message) as refusal:
        parse_labels(typed)
    assert str(refusal.value).endswith(".")


def test_the_limits_themselves_are_allowed():
    assert len(parse_labels(",".join(f"label {n}" for n in range(MAX_LABELS))).labels) == MAX_LABELS
    assert parse_labels("rain," + "x" * LABEL_CHARACTERS).labels[1] == "x" * LABEL_CHARACTERS


@pytest.mark.parametrize(
    "unit", ['"', "'", "“", "„", "\\'", '"\\', "'x,", '"x""",', "[", "{", "1. ", " ", "• ", "]\n", ':"']
)
@pytest.mark.parametrize("before", ["", "[", '"'])
@pytest.mark.slow
def test_no_text_takes_long(before, unit):
    """Processor time grows with the length of the text, not with its square, which would take hours."""
    text = (before + unit * 100_000)[:100_000]
    began = time.process_time()
    with suppress(LabelError):
        parse_labels(text)
    assert time.process_time() - began < 20


words = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from(" ,;'\"\\，、•-*[]{}()1.:ab“”\u200b\u200d")), max_size=20
)


@given(st.lists(words, max_size=30))
def test_every_list_is_read_back_as_it_was_written(typed):
    written: dict[str, str] = {}
    for label in filter(label_key, map(clean_label, typed)):
        written.setdefault(label_key(label), label)
    labels = tuple(written.values())
    if len(labels) >= 2:
        assert parse_labels(join_labels(labels)) == LabelList(labels)
        assert parse_labels(json.dumps(typed)).labels == labels


@given(words)
def test_any_text_is_labels_or_a_sentence(typed):
    try:
        labels = parse_labels(typed).labels
    except LabelError as error:
        assert str(error).endswith(".")
    else:
        assert len(set(map(label_key, labels))) == len(labels) >= 2
        assert all(clean_label(label) == label for label in labels)


def test_simple_labels_are_written_with_commas_and_others_a_line_each():
    assert join_labels(["rain", "sea waves"]) == "rain, sea waves"
    assert join_labels(["pets, domestic animals", "rain"]) == '"pets, domestic animals"\nrain'
    assert join_labels([]) == ""
    assert join_labels(["rain"]) == "rain"
