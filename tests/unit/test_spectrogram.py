import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioprompt.audio.spectrogram import BANDS, COLUMNS, FLOOR, mel_filters, picture
from tests.fakes import tone

RATE = 16_000


@pytest.mark.parametrize("hertz", [200.0, 1_000.0, 5_000.0])
def test_a_tone_shows_at_its_pitch(hertz):
    drawn = picture(tone(hertz, 1, RATE), RATE)
    assert drawn.hertz[drawn.decibels.mean(axis=1).argmax()] == pytest.approx(hertz, rel=0.12)


def test_a_click_shows_at_its_time():
    samples = np.zeros(4 * RATE, np.float32)
    samples[3 * RATE] = 1
    drawn = picture(samples, RATE)
    assert drawn.times[drawn.decibels.max(axis=0).argmax()] == pytest.approx(3, abs=0.04)
    assert drawn.times[drawn.high.argmax()] == pytest.approx(3, abs=0.02)


def test_a_click_in_ten_minutes_is_not_lost():
    samples = np.zeros(600 * RATE, np.float32)
    samples[123 * RATE] = 1
    drawn = picture(samples, RATE)
    assert drawn.decibels.shape == (BANDS, COLUMNS)
    assert drawn.high.max() == 1
    assert drawn.times[drawn.decibels.max(axis=0).argmax()] == pytest.approx(123, abs=1.1)


def test_digital_silence_is_dark():
    assert (picture(np.zeros(RATE, np.float32), RATE).decibels == FLOOR).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3 * RATE), st.sampled_from([8_000, 16_000, 44_100, 48_000]))
def test_any_length_can_be_drawn(length, rate):
    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    drawn = picture(samples, rate)
    columns = len(drawn.times)
    assert 1 <= columns <= COLUMNS
    assert drawn.decibels.shape == (BANDS, columns)
    assert len(drawn.low) == len(drawn.high) == columns
    assert (drawn.low.min(), drawn.high.max()) == (samples.min(), samples.max())
    assert (drawn.decibels >= FLOOR).all() and (drawn.decibels <= 0).all()
    assert (np.diff(drawn.times) > 0).all() and drawn.times[0] >= 0 and drawn.times[-1] <= length / rate


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_every_band_hears_something(rate):
    hertz, filters = mel_filters(rate, round(0.032 * rate))
    assert (filters.sum(axis=0) > 0).all()
    assert (np.diff(hertz) > 0).all() and hertz[-1] < rate / 2
