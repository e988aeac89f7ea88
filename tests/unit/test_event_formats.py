"""Events in the forms of other programs, read by other programs."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.data.events import EVENT_FORMATS, Event, EventFormatError, format_of
from audioprompt.prompts.formats.csv import restore
from audioprompt.util.text import one_line
from tests.plugins import install

label = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(one_line)
nasty = st.sampled_from(["a,b", "tab\tbed", 'say "no"', "狗叫声, 雨", "نباح", "e\u0301", "=1+1", "N/A", "0012", "ß;|"])
moment = st.integers(0, 40_000_000).map(lambda milliseconds: milliseconds / 1000)
event = st.builds(
    lambda start, length, name, probability: Event(start, round(start + length, 3), name, probability),
    moment,
    st.integers(1, 100_000).map(lambda milliseconds: milliseconds / 1000),
    label | nasty,
    st.integers(0, 10_000).map(lambda share: share / 10_000),
)
events = st.lists(event, max_size=5)


def rows_of(found: pd.DataFrame, start: str, end: str, name: str) -> list[tuple[float, float, str]]:
    return [(float(a), float(b), str(c)) for a, b, c in zip(found[start], found[end], found[name], strict=True)]


def in_a_line(given: list[Event]) -> list[tuple[float, float, str]]:
    return [(one.start, one.end, one_line(one.label)) for one in given]


def pandas(text: str, **how: object) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_csv(io.StringIO(text), keep_default_na=False, **how)  # type: ignore[call-overload]
    return table


@given(events)
def test_audacity_labels(given: list[Event]):
    written = EVENT_FORMATS["audacity"].write(given, "x.wav")
    lines = [line.split("\t") for line in written.split("\n")[:-1]]
    assert [(float(start), float(end), name) for start, end, name in lines] == in_a_line(given)


def test_audacity_labels_are_read_by_dcase_util(tmp_path: Path):
    containers = pytest.importorskip("dcase_util", reason="pip install sed-eval").containers
    given = [Event(0.5, 2.25, "dog bark", 0.9), Event(1.0, 3.5, "rain, 雨", 0.8)]
    (tmp_path / "x.txt").write_text(EVENT_FORMATS["audacity"].write(given, "x.wav"), "utf-8")
    read = containers.MetaDataContainer().load(str(tmp_path / "x.txt"))
    assert [(one.onset, one.offset, one.event_label) for one in read] == in_a_line(given)


@given(events)
def test_raven_selection_tables_are_read_by_pandas(given: list[Event]):
    written = EVENT_FORMATS["raven"].write(given, "x.wav")
    table = pandas(written, sep="\t", dtype={"Label": str}, quoting=3)
    assert rows_of(table, "Begin Time (s)", "End Time (s)", "Label") == in_a_line(given)
    assert list(table["Selection"]) == list(range(1, len(given) + 1))
    assert list(table["Score"]) == pytest.approx([one.probability for one in given])


@given(events)
def test_tables_are_read_by_pandas(given: list[Event]):
    table = pandas(EVENT_FORMATS["csv"].write(given, "night, 2.wav"), dtype={"label": str})
    read = rows_of(table, "start", "end", "label")
    assert not any(name.startswith(("=", "+", "-", "@")) for _, _, name in read)
    assert [(start, end, restore(name)) for start, end, name in read] == [
        (start, end, restore(name)) for start, end, name in in_a_line(given)
    ]
    assert set(table["file"]) <= {"night, 2.wav"}


@given(events)
def test_json(given: list[Event]):
    read = json.loads(EVENT_FORMATS["json"].write(given, "x.wav"))
    assert read["file"] == "x.wav" and [Event(**one) for one in read["events"]] == given


@given(events)
def test_rttm_has_ten_fields_in_every_line(given: list[Event]):
    written = EVENT_FORMATS["rttm"].write(given, "my night.wav")
    lines = [line.split(" ") for line in written.split("\n")[:-1]]
    assert all(len(fields) == 10 and fields[0] == "SPEAKER" and fields[1] == "my_night" for fields in lines)
    read = [(float(one[3]), round(float(one[3]) + float(one[4]), 3), one[7]) for one in lines]
    assert read == [(start, end, "_".join(name.split())) for start, end, name in in_a_line(given)]


@pytest.mark.parametrize(
    "name, form",
    [
        ("night.TXT", "audacity"),
        ("night.selections.txt", "raven"),
        ("a/b.csv", "csv"),
        ("x.json", "json"),
        ("x.rttm", "rttm"),
    ],
)
def test_endings_tell_the_form(name: str, form: str):
    assert format_of(name).name == form


def test_an_ending_that_tells_nothing_is_refused():
    with pytest.raises(EventFormatError, match=r"night\.xyz ends in none of \.txt, \.selections\.txt, \.csv"):
        format_of("night.xyz")
    with pytest.raises(EventFormatError, match="audacity, raven, csv, json, rttm"):
        EVENT_FORMATS["textgrid"]


SHOUTED = """
from audioprompt.data.events import EventFormat

SHOUTED = EventFormat("shouted", "Shouted", "In capitals.", ".loud", lambda events, name: name.upper())
"""


def test_other_packages_add_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(tmp_path, monkeypatch, "audioprompt.event_formats", {"shouted": "others:SHOUTED"}, SHOUTED)
    EVENT_FORMATS.look_again()
    try:
        assert format_of("x.loud").write([], "x.wav") == "X.WAV"
    finally:
        monkeypatch.undo()
        EVENT_FORMATS.look_again()
