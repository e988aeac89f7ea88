"""Calibration error and temperature against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioprompt.core.calibration import (
    OWN_TEMPERATURE,
    Reliability,
    fit_temperature,
    log_likelihood,
    measure_reliability,
)
from audioprompt.core.zero_shot import softmax


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 15))
def test_the_error_is_the_mean_gap_of_the_bins(seed: int, clips: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    chances = softmax(rng.standard_normal((clips, 3)).astype(np.float32))
    targets = rng.integers(0, 3, clips)
    found = measure_reliability(chances, targets, bins)
    expected = 0.0
    for low in range(bins):
        sure = chances.max(axis=1)
        inside = (np.minimum((sure * bins).astype(int), bins - 1)) == low
        if inside.any():
            right = (chances.argmax(axis=1) == targets)[inside].mean()
            expected += inside.mean() * abs(sure[inside].mean() - right)
            assert found.accuracy[low] == pytest.approx(right, abs=1e-6)
    assert found.error == pytest.approx(expected, abs=1e-5)
    assert found.counts.sum() == clips and len(found.edges) == bins + 1


def test_certain_answers_are_off_by_how_often_they_are_wrong() -> None:
    chances = np.eye(2, dtype=np.float32)[[0, 0, 0, 0]]
    assert measure_reliability(chances, np.array([0, 0, 0, 1])).error == pytest.approx(0.25)
    assert measure_reliability(chances, np.zeros(4, np.intp)).error == 0
    assert measure_reliability(chances[:0], np.zeros(0, np.intp)).error == 0


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_a_temperature_is_found_again(seed: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((2_000, 4)).astype(np.float32)
    targets = np.array([rng.choice(4, p=row / row.sum()) for row in softmax(logits).astype(np.float64)])
    assert fit_temperature(logits * np.float32(temperature), targets) == pytest.approx(temperature, rel=0.25)


def test_without_clips_the_expected_temperature_is_taken_and_a_heavy_prior_holds_to_it() -> None:
    logits, targets = np.eye(3, dtype=np.float32) * 9, np.arange(3)
    assert fit_temperature(logits[:0], targets[:0]) == OWN_TEMPERATURE
    assert fit_temperature(logits, targets, weight=1e6, expected=2) == pytest.approx(2, rel=0.01)
    assert fit_temperature(logits, targets) < 1


def test_the_likelihood_is_that_of_the_right_class() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], np.float32))
    assert log_likelihood(logits, np.array([0, 2])) == pytest.approx((np.log(0.7) + np.log(0.1)) / 2, abs=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30))
def test_measurements_together_are_those_of_all_answers(seed: int, some: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    chances = softmax(rng.standard_normal((some + others, 3)).astype(np.float32))
    targets = rng.integers(0, 3, some + others)
    whole = measure_reliability(chances, targets)
    parts = [measure_reliability(chances[rows], targets[rows]) for rows in (slice(some), slice(some, None))]
    together = Reliability.joined(parts)
    np.testing.assert_array_equal(together.counts, whole.counts)
    np.testing.assert_allclose(together.accuracy, whole.accuracy, atol=1e-5)
    assert together.error == pytest.approx(whole.error, abs=1e-5)
