"""From what is heard moment by moment to events."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.audio.decode import load
from audioprompt.core.rejection import KNOWN, PRESENT, presence_probabilities
from audioprompt.core.timeline import EventRules, Timeline, runs, smooth, with_hysteresis
from audioprompt.encoding.encoder import embed_clip
from audioprompt.encoding.frames import embed_with_frames
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.template import Template
from audioprompt.services.classify import classify
from audioprompt.settings import asset_folder
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

PLAIN = Template("A plain sound of {label}")
RULES = EventRules(on=0.5, off=0.3, max_gap=1.0, min_seconds=1.0)


def line(*columns: list[float], step: float = 0.5) -> Timeline:
    """A timeline with a label for each column."""
    values = np.array(columns, np.float32).T
    labels = tuple("abc"[: len(columns)])
    edges = (step * np.arange(len(values) + 1)).astype(np.float32)
    return Timeline(labels, edges, values, values.argmax(axis=-1))


def found(timeline: Timeline, several: bool = True) -> list[tuple[float, float, str]]:
    return [(event.start, event.end, event.label) for event in timeline.events(several, RULES)]


@pytest.mark.parametrize(
    "probabilities, spans",
    [
        ([0.9, 0.9, 0.1, 0.1], [(0.0, 1.0)]),
        ([0.4, 0.9, 0.4, 0.1], [(0.0, 1.5)]),  # down to where it is less likely than `off`
        ([0.4, 0.4, 0.4, 0.4], []),  # never as likely as `on`
        ([0.1, 0.9, 0.1, 0.1], []),  # too short
        ([0.9, 0.9, 0.1, 0.1, 0.9, 0.9], [(0.0, 3.0)]),  # a pause of a second
        ([0.9, 0.9, 0.1, 0.1, 0.1, 0.9, 0.9], [(0.0, 1.0), (2.5, 3.5)]),
        ([0.9, 0.1, 0.1, 0.9], [(0.0, 2.0)]),  # two that are too short alone
        ([0.9], [(0.0, 0.5)]),  # all of a short recording
        ([0.0, 0.0], []),
    ],
)
def test_events_of_one_label(probabilities: list[float], spans: list[tuple[float, float]]):
    assert [(start, end) for start, end, _ in found(line(probabilities))] == spans


def test_several_labels_may_be_heard_at_once_or_one():
    both = line([0.9, 0.9, 0.9, 0.9], [0.8, 0.8, 0.95, 0.95])
    assert found(both) == [(0.0, 2.0, "a"), (0.0, 2.0, "b")]
    assert found(both, several=False) == [(0.0, 1.0, "a"), (1.0, 2.0, "b")]
    assert [event.probability for event in both.events(True)] == pytest.approx([0.9, 0.95])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40), st.booleans())
def test_events_lie_in_the_recording_in_order_and_apart(values: list[tuple[float, float]], several: bool):
    timeline = line(*(list(column) for column in zip(*values, strict=True)))
    events = timeline.events(several, RULES)
    assert events == sorted(events, key=lambda event: event.start)
    assert all(0 <= event.start < event.end <= timeline.edges[-1] and event.probability >= 0.5 for event in events)
    for label in timeline.labels:
        ends = [(event.start, event.end) for event in events if event.label == label]
        assert all(later[0] - earlier[1] > RULES.max_gap for earlier, later in pairwise(ends))


def test_hysteresis_and_runs():
    active = with_hysteresis(np.array([[0.4], [0.6], [0.35], [0.1], [0.4]], np.float32), 0.5, 0.3)
    assert active[:, 0].tolist() == [True, True, True, False, False]
    assert runs(active[:, 0]) == [(0, 3)] and runs(np.zeros(3, np.bool_)) == []


def test_smoothing_spreads_what_is_heard_and_skips_what_is_silent():
    values = np.array([[0], [0], [1], [0], [0]], np.float32)
    spread = smooth(values, np.ones(5, np.bool_), 0.5)[:, 0]
    assert spread[2] > spread[1] > spread[0] > 0 and spread == pytest.approx(spread[::-1])
    loud = np.array([True, True, False, True, True])
    assert not smooth(values, loud, 0.5)[:2].any()
    np.testing.assert_allclose(smooth(np.ones((5, 2), np.float32), loud, 0.5), 1)


def test_scores_become_probabilities():
    assert presence_probabilities(np.array([[PRESENT]], np.float32))[0, 0] == pytest.approx(0.5)
    assert presence_probabilities(np.array([[PRESENT + 2]], np.float32), KNOWN + 2)[0, 0] == pytest.approx(0.5)


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> EmbeddedModel:
    return EmbeddedModel("cpu")


@pytest.mark.parametrize("seconds", [0.3, 5.0, 5.2, 7.5, 12.4, 20.0])
def test_frames_cover_a_recording_and_windows_stay_what_they_are(model: EmbeddedModel, seconds: float):
    samples = np.random.default_rng(0).normal(0, 0.1, round(seconds * model.sample_rate)).astype(np.float32)
    clip, frames = embed_with_frames(model, (model.sample_rate, samples))
    alone = embed_clip(model, (model.sample_rate, samples))
    np.testing.assert_allclose(clip.windows, alone.windows, atol=1e-5)
    assert clip.starts.tolist() == alone.starts.tolist() and clip.seconds == alone.seconds == frames.seconds
    assert frames.edges[0] == 0 and frames.edges[-1] == pytest.approx(seconds)
    assert (np.diff(frames.edges) > 0).all() and np.diff(frames.edges).max() < 0.9
    assert len(frames.embeddings) == len(frames.times) >= seconds / 0.48
    np.testing.assert_allclose(np.linalg.norm(frames.embeddings, axis=1), 1, atol=1e-5)


def test_frames_come_of_the_same_pass(model: EmbeddedModel):
    windows = torch.randn(2, 5 * model.sample_rate, generator=torch.Generator().manual_seed(0)) / 10
    frames = model.embed_frames(windows)
    torch.testing.assert_close(frames, model.project_frames(model.audio_features(windows)))
    assert frames.shape == (2, 16, model.dim)


def test_real_sounds_are_found_where_they_are(model: EmbeddedModel):
    rate, quiet = model.sample_rate, np.zeros(4 * model.sample_rate, np.float32)
    rooster, siren = (load(asset_folder("examples") / f"{name}.ogg", rate)[: 4 * rate] for name in ("rooster", "siren"))
    samples = np.concatenate([quiet, rooster, quiet, siren, quiet])
    events = classify(model, (rate, samples), ["rooster", "siren", "rain"], ["the sound of {label}"]).events()
    assert {event.label for event in events} == {"rooster", "siren"}
    for event in events:
        first, last = {"rooster": (4, 8), "siren": (12, 16)}[event.label]
        assert first - 0.5 < event.start < event.end < last + 0.5


def test_a_model_without_frames_is_heard_by_excerpts():
    sound = np.concatenate([tone(HUM, 4), np.zeros(2 * RATE, np.float32), tone(WHISTLE, 3)])
    model = FakeModel()
    clip, frames = embed_with_frames(model, (RATE, sound))
    assert clip.starts.tolist() == [0, 2, 4, 6, 7] and model.windows_heard == 5 + 18
    assert frames.edges.tolist() == [0.5 * number for number in range(19)]
    assert frames.silent.tolist() == [4 <= time < 6 for time in np.arange(0.25, 9, 0.5)]
    short, single = embed_with_frames(model, (RATE, tone(HUM, 1)))
    assert len(single.times) == len(short.windows) == 1 and single.edges.tolist() == [0, 1]


def test_a_timeline_follows_the_sound():
    sound = np.concatenate([tone(HUM, 4), np.zeros(2 * RATE, np.float32), tone(WHISTLE, 3)])
    heard = classify(FakeModel(), (RATE, sound), ("hum", "whistle", "rain"), [PLAIN])
    assert heard.timeline
    assert found(heard.timeline, several=False) == [(0.0, 4.0, "hum"), (6.0, 9.0, "whistle")]
    assert (
        len(heard.events()) == 2
        and heard.is_long
        and not classify(FakeModel(), (RATE, tone(HUM, 1)), ("hum", "rain"), [PLAIN]).is_long
    )


def test_what_is_none_of_the_labels_is_no_event():
    assert classify(FakeModel(), (RATE, tone(HUM, 6)), ("whistle", "rain"), [PLAIN]).events() == []
