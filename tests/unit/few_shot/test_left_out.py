"""Heads asked about clips they have not learned from, and the temperature that comes of it."""

from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.core.calibration import measure_reliability
from audioprompt.core.zero_shot import normalise
from audioprompt.few_shot.base import TEMPERATURE
from audioprompt.few_shot.calibration import ask_left_out, calibrate, divide
from audioprompt.few_shot.methods.gda import Gda
from audioprompt.few_shot.methods.linear_probe import LinearProbe
from audioprompt.few_shot.methods.palm import Palm
from audioprompt.few_shot.methods.words_as_clips import WordsAsClips
from audioprompt.few_shot.settings import FewShotError, FitSettings
from tests.unit.few_shot.towers import NAMES, clusters

CLASSES = NAMES[:4]
AUDIO, TARGETS, CENTRES = clusters()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(2, 6))
def test_each_class_is_divided_evenly_and_the_same_sound_stays_together(given_targets: list[int], parts: int) -> None:
    targets = np.array(given_targets)
    audio = np.random.default_rng(0).standard_normal((len(targets), 4)).astype(np.float32)
    place = divide(audio, targets, parts)
    for label in set(given_targets):
        counts = np.bincount(place[targets == label], minlength=parts)
        assert counts.max() - counts.min() <= 1
    twice = divide(np.concatenate([audio, audio]), np.concatenate([targets, targets]), parts)
    np.testing.assert_array_equal(twice[: len(targets)], twice[len(targets) :])


def test_clips_of_one_recording_stay_together_unless_they_are_all_there_is_of_a_class() -> None:
    targets, groups = np.array([0, 0, 0, 0, 1, 1, 1]), np.array([5, 5, 6, 6, 7, 7, 7])
    place = divide(AUDIO[:7], targets, 5, groups)
    assert place[0] == place[1] != place[2] == place[3]
    assert len(set(place[4:])) == 3


def test_no_clip_is_asked_of_a_head_that_knows_it() -> None:
    audio, targets = AUDIO[:12], TARGETS[:12]
    logits, rows = ask_left_out(WordsAsClips(CLASSES, CENTRES, 20), audio, targets)
    assert sorted(rows) == list(range(12))
    for found, row in zip(logits, rows, strict=True):
        others = np.arange(12) != row
        alone = WordsAsClips(CLASSES, CENTRES, 20).fit(audio[others], targets[others])
        np.testing.assert_allclose(found, alone.logits(audio[[row]])[0], atol=1e-5)


@pytest.mark.parametrize("asked_before", [1, 2, 5, 60])
def test_a_copy_that_was_stopped_is_not_asked(asked_before: int) -> None:
    """Before its first epoch has ended, it is still the head that knows all clips."""
    head = Palm(CLASSES, CENTRES, FitSettings(epochs=10, logit_scale=20)).fit(AUDIO, TARGETS)
    whole, all_rows = ask_left_out(head, AUDIO, TARGETS)
    asked = count()
    logits, rows = ask_left_out(head, AUDIO, TARGETS, lambda: next(asked) >= asked_before)
    assert len(rows) < len(all_rows)
    np.testing.assert_array_equal(rows, all_rows[: len(rows)])
    np.testing.assert_array_equal(logits, whole[: len(rows)])


def test_an_only_clip_is_asked_half_of_the_words() -> None:
    logits, rows = ask_left_out(WordsAsClips(CLASSES, CENTRES, 20), AUDIO[:4], TARGETS[:4])
    for found, row in zip(logits, rows, strict=True):
        others = np.arange(4) != row
        alone = WordsAsClips(CLASSES, CENTRES, 20).fit(AUDIO[:4][others], TARGETS[:4][others])
        clip = AUDIO[[row]]
        np.testing.assert_allclose(found, (alone.logits(clip) + 20 * clip @ CENTRES.T)[0] / 2, atol=1e-5)


def test_the_only_clip_of_a_class_is_kept_where_the_class_would_be_gone() -> None:
    audio, targets = AUDIO[:9], np.array([0, 1, 2, 3, 0, 1, 2, 0, 1])
    _, rows = ask_left_out(LinearProbe(CLASSES), audio, targets)
    assert sorted(rows) == [0, 1, 2, 4, 5, 6, 7, 8]
    logits, rows = ask_left_out(LinearProbe(CLASSES), audio[:4], targets[:4])
    assert logits.shape == (0, 4) and not len(rows)


def test_a_temperature_keeps_the_answers_and_makes_them_honest() -> None:
    audio, targets, centres = clusters(each=60, spread=2.0)
    head = WordsAsClips(CLASSES, centres, 100).fit(audio[:80], targets[:80])
    before, sure = head.predict(audio[80:]), head.predict_proba(audio[80:])
    calibrate(head, audio[:80], targets[:80])
    np.testing.assert_array_equal(head.predict(audio[80:]), before)
    after = measure_reliability(head.predict_proba(audio[80:]), targets[80:]).error
    assert head.temperature > 1 and after < 0.5 * measure_reliability(sure, targets[80:]).error
    kept = head.state
    calibrate(head, audio[:80], targets[:80])
    assert head.state is kept


def test_a_head_of_two_recordings_of_each_class_does_not_doubt_itself() -> None:
    """What other heads choose of one recording lies far from what this one chooses of two."""
    groups, shortest = np.repeat(np.arange(8), 4), 0.0
    for seed in range(40):
        recordings, classes, centres = clusters(each=12, spread=1.5, seed=seed)
        noise = 0.02 * np.random.default_rng(seed).standard_normal((192, 12))
        audio = normalise((np.repeat(recordings, 4, axis=0) + noise).astype(np.float32))
        targets = np.repeat(classes, 4)
        head = Gda(CLASSES, centres, 40)
        head.groups = groups
        calibrate(head.fit(audio[:32], targets[:32]), audio[:32], targets[:32])
        sure = float(head.predict_proba(audio[32:]).max(axis=1).mean())
        shortest = min(shortest, sure - head.score(audio[32:], targets[32:]))
    assert shortest > -0.2


@pytest.mark.parametrize("value", [[0.0], [-1.0], [1.0, 2.0], []])
def test_a_temperature_that_cannot_be_is_refused(value: list[float]) -> None:
    head = WordsAsClips(CLASSES, CENTRES).fit(AUDIO, TARGETS)
    head.state = {**head.state, TEMPERATURE: np.array(value, np.float32)}
    with pytest.raises(FewShotError, match="one number above 0"):
        head.logits(AUDIO)
