from base64 import b64decode
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.audio.spectrogram import picture
from audioprompt.core.timeline import Event, Timeline
from audioprompt.core.zero_shot import Prediction
from audioprompt.ui import charts, theme
from tests.fakes import tone

NASTY = "<img src=x onerror=alert(1)>"


def prediction(rows, labels):
    probabilities = np.asarray(rows, np.float32)
    return Prediction(tuple(labels), probabilities, probabilities.argmax(axis=-1)[np.newaxis])


def unpacked(packed):
    """An array as plotly was given it."""
    shape = [int(size) for size in packed["shape"].split(", ")] if "shape" in packed else [-1]
    return np.frombuffer(b64decode(packed["bdata"]), packed["dtype"]).reshape(shape)


def texts(figure):
    return [annotation.text for annotation in figure.layout.annotations]


def test_bars_show_the_most_probable_first_with_two_decimals():
    seven = prediction([[0.05, 0.4, 0.2, 0.12, 0.1, 0.08, 0.05]], "abcdefg")
    figure = go.Figure(charts.probability_bars("TSPE (20 prompts)", seven, theme.TSPE))
    assert np.allclose(figure.data[1].x, [0.4, 0.2, 0.12, 0.1, 0.08])
    assert texts(figure)[:4] == ["<b>b</b>", "0.40", "c", "0.20"]
    assert "TSPE (20 prompts)" in texts(figure)[-1]
    assert figure.data[1].marker.color == theme.TSPE
    assert tuple(figure.layout.xaxis.range) == (0, 1)


def test_two_labels_make_two_bars():
    assert len(go.Figure(charts.probability_bars("V", prediction([[0.7, 0.3]], "ab"), theme.VANILLA)).data[1].x) == 2


def test_all_bars_have_one_scale():
    for low in ([[0.35, 0.33, 0.32]], [[0.98, 0.01, 0.01]]):
        track, bars = go.Figure(charts.probability_bars("V", prediction(low, "abc"), theme.VANILLA)).data
        assert set(track.x) == {1} and bars.x[0] == pytest.approx(low[0][0])


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("rain", "rain"),
        (NASTY, "&lt;img src=x onerror=alert(1)&gt;"),
        ("x" * 32, "x" * 32),
        ("x" * 33, "x" * 31 + "…"),
        ("rock & roll", "rock &amp; roll"),
    ],
)
def test_labels_are_shown_as_text_and_cut(label, shown):
    assert charts.shown(label) == shown


def test_no_figure_holds_a_label_unescaped():
    nasty = prediction([[0.9, 0.1], [0.6, 0.4]], [NASTY, "rain"])
    edges = np.asarray([0, 5, 8], np.float32)
    timeline = Timeline(nasty.labels, edges, nasty.probabilities, nasty.winners)
    for figure in (
        charts.probability_bars("V", nasty, theme.VANILLA),
        charts.over_time(picture(tone(440, 1), 8_000), timeline, [Event(0, 5, NASTY)]),
    ):
        data = charts.plotted(figure).plot
        assert "<" not in data and ">" not in data
        data = data.replace("\\u003c", "<").replace("\\u003e", ">")
        assert "&lt;img" in data
        assert "<img" not in data


def test_events_lie_in_lanes_below_the_spectrogram():
    rows = prediction([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], ["rain", "wind"])
    timeline = Timeline(rows.labels, np.asarray([0, 5, 7, 12], np.float32), rows.probabilities, rows.winners)
    events = [Event(5, 12, "wind"), Event(1, 2, "a new one")]
    figure = go.Figure(charts.over_time(picture(tone(440, 12), 8_000), timeline, events))
    spectrogram, bands = figure.data
    assert unpacked(spectrogram.z).shape[0] == 64 and unpacked(bands.x).tolist() == [0, 5, 7, 12]
    assert list(figure.layout.yaxis2.ticktext) == ["wind", "a new one", "rain"]
    assert np.allclose(unpacked(bands.z), np.array([[0.1, 0.8, 0.7], [0, 0, 0], [0.9, 0.2, 0.3]]))
    assert [(one.x0, one.x1, one.yref) for one in figure.layout.shapes] == [(5, 12, "y2"), (1, 2, "y2")]


def test_what_was_heard_is_drawn_small_enough_to_send():
    figure = charts.heard(picture(tone(440, 600, 16_000), 16_000))
    assert unpacked(figure["data"][1]["z"]).shape == (64, 600)
    assert len(charts.plotted(figure).plot) < 120_000


def test_every_figure_wears_the_one_template_and_a_clear_ground():
    one = prediction([[0.7, 0.3]], "ab")
    for figure in (charts.probability_bars("V", one, theme.VANILLA), charts.heard(picture(tone(440, 1), 8_000))):
        assert go.Figure(figure).layout.template == go.layout.Template(theme.FIGURES)
        assert figure["layout"]["template"]["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"


def test_what_was_learned_can_be_explored():
    classes = ("hum", NASTY)
    moves: Any = SimpleNamespace(classes=classes, before=np.eye(2), after=2 * np.eye(2))
    drawn = charts.class_map(moves)
    assert [trace.mode for trace in go.Figure(drawn).data] == ["lines", "markers", "markers+text"]
    assert drawn["data"][2]["text"] == ["hum", "&lt;img src=x onerror=alert(1)&gt;"]
    one = SimpleNamespace(method="palm", accuracy=0.5, interval=(0.4, 0.75))
    results: Any = SimpleNamespace(outcomes=[one], of=lambda method: one)
    (line,) = go.Figure(charts.shots_curve({1: results, 16: results})).data
    assert (line.name, line.x, line.y) == ("PALM", ("1", "16"), (50.0, 50.0))
    assert np.allclose(line.error_y.array, 25) and np.allclose(line.error_y.arrayminus, 10)


@given(
    names=st.lists(st.tuples(st.floats(0, 4), st.floats(0, 4), st.floats(0.1, 3)), max_size=12),
    height=st.floats(0.1, 1),
)
def test_names_on_a_map_do_not_cover_each_other(names: list[tuple[float, float, float]], height: float) -> None:
    middles, widths = np.array(names).reshape(-1, 3)[:, :2], np.array([width for *_, width in names])
    spots = charts.spread_names(middles, widths, height)
    assert (spots[:, 0] == middles[:, 0]).all() and (spots[:, 1] >= middles[:, 1]).all()

    def are_apart(places: Any) -> bool:
        steps = [(*abs(places[a] - places[b]), widths[a] + widths[b]) for a, b in combinations(range(len(names)), 2)]
        return all(across >= both / 2 or up >= height - 1e-9 for across, up, both in steps)

    assert are_apart(spots)
    assert not are_apart(middles) or spots == pytest.approx(middles), "those that cover none stay where they are"


def test_a_map_names_its_clusters_where_they_are() -> None:
    places = np.array([[0, 0], [0, 2], [4, 1.01], [0, 1]], dtype=float)
    figure = go.Figure(charts.sound_map(places, list("abcd"), np.array([0, 0, 1, 2]), ["rain", "dog", NASTY]))
    rain, dog, nasty = figure.layout.annotations
    assert (rain.x, rain.y) == (0, 1) and (dog.x, dog.y) == (4, 1.01)
    assert nasty.x == 0 and nasty.y == pytest.approx(1 + 2 * 15 / 370), "above the name that stands there"
    assert "<img" not in nasty.text
    assert not go.Figure(charts.sound_map(np.zeros((0, 2)), [], np.zeros(0, dtype=int), [])).layout.annotations
