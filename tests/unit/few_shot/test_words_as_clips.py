"""Words as clips against its formula, and against zero-shot classification, which it is without clips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.core.zero_shot import normalise
from audioprompt.few_shot.methods.words_as_clips import COUNTS, WordsAsClips, choose_count, left_out_cosines
from audioprompt.few_shot.methods.zero_shot import ZeroShot
from audioprompt.few_shot.settings import FewShotError
from tests.unit.few_shot.towers import NAMES, clusters

CLASSES = NAMES[:4]


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 50), st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_it_is_its_formula(seed: int, words: float, given_targets: list[int]) -> None:
    targets, texts = np.array(given_targets), clusters(seed=seed)[2]
    audio = normalise(np.random.default_rng(seed).standard_normal((len(targets), 12)).astype(np.float32))
    head = WordsAsClips(CLASSES, texts, 20, words).fit(audio, targets)
    counts = np.bincount(targets, minlength=4)
    middle = np.mean([audio[targets == label].mean(axis=0) for label in set(given_targets)], axis=0)
    for label in range(4):
        mixed = words * texts[label] + audio[targets == label].sum(axis=0) + (counts.max() - counts[label]) * middle
        np.testing.assert_allclose(head.weights[label], mixed / np.linalg.norm(mixed), atol=1e-5)
    np.testing.assert_allclose(head.logits(audio), 20 * audio @ head.weights.T, atol=1e-4)


def test_classes_without_a_clip_are_told_by_their_words() -> None:
    audio, targets, texts = clusters()
    some = targets < 2
    head = WordsAsClips(CLASSES, texts, 20).fit(audio[some], targets[some])
    assert head.score(audio[~some], targets[~some]) > 0.8
    many_words = WordsAsClips(CLASSES, texts, 20, 10_000).fit(audio[:1], np.array([0]))
    np.testing.assert_allclose(many_words.logits(audio), ZeroShot(CLASSES, texts, 20).logits(audio), atol=0.01)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 6), min_size=4, max_size=4).filter(any))
def test_what_all_sounds_have_in_common_speaks_for_no_class(seed: int, counts: list[int]) -> None:
    """In most models' spaces texts lie apart from sounds; however many clips a class has, that tells nothing."""
    rng, (_, _, texts) = np.random.default_rng(seed), clusters(seed=seed)
    apart = np.zeros((1, 13), np.float32)
    apart[0, 12] = 3.0  # where the sounds lie, and no text
    targets = np.repeat(np.arange(4), counts)
    audio = normalise(
        np.pad(rng.standard_normal((len(targets), 12)) / 12**0.5, ((0, 0), (0, 1))).astype(np.float32) + apart
    )
    head = WordsAsClips(CLASSES, np.pad(texts, ((0, 0), (0, 1))), 20).fit(audio, targets)
    shares = head.weights[:, 12] / np.linalg.norm(head.weights[:, :12], axis=1)
    assert shares.max() < 3 * shares.min()


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 20))
def test_leaving_one_out_is_fitting_without_it(seed: int, words: float) -> None:
    audio, targets, texts = clusters(each=4, seed=seed)
    found = left_out_cosines(texts, audio, targets, words)
    for row in range(len(audio)):
        others = np.arange(len(audio)) != row
        head = WordsAsClips(CLASSES, texts, 1, words).fit(audio[others], targets[others])
        np.testing.assert_allclose(found[row], head.logits(audio[[row]])[0], atol=1e-5)


def test_words_that_are_wrong_are_made_to_count_little() -> None:
    audio, targets, texts = clusters()
    wrong = np.roll(texts, 1, axis=0)
    assert choose_count(wrong, audio, targets, 20) == min(COUNTS)
    assert WordsAsClips(CLASSES, wrong, 20, 0).fit(audio, targets).state["words"] == [min(COUNTS)]
    assert choose_count(texts, audio[:1], np.array([0]), 20) == COUNTS[0]  # nothing to choose by


def test_identical_clips_are_as_good_as_one() -> None:
    audio, targets, texts = clusters()
    same = np.repeat(audio[:4], 3, axis=0)
    head = WordsAsClips(CLASSES, texts, 20, 0).fit(same, np.repeat(targets[:4], 3))
    assert np.isfinite(head.logits(audio)).all()


def test_one_sound_in_two_classes_is_refused() -> None:
    audio, _, texts = clusters()
    with pytest.raises(FewShotError, match="the same sound"):
        WordsAsClips(CLASSES, texts).fit(audio[[0, 0]], np.array([0, 1]))
