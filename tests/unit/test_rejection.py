"""None of these: scores, thresholds and average precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from audioprompt.core.rejection import (
    MIN_BACKGROUND,
    REFUSED,
    average_precision,
    choose_around,
    choose_background,
    class_means,
    known_scores,
    known_scores_with_clips,
    label_scores,
    leave_one_out_scores,
    threshold_between,
    threshold_refusing,
)
from audioprompt.core.zero_shot import Array, normalise
from audioprompt.models.background import audioset_names

scores_of = st.lists(st.integers(-50, 50).map(lambda number: number / 10), min_size=1, max_size=40)


def directions(seed: int, count: int, dim: int = 24) -> Array:
    return normalise(np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32))


@given(st.integers(0, 1_000), st.floats(0.1, 10), st.floats(-3, 3))
def test_scores_do_not_depend_on_how_a_model_spreads_its_cosines(seed: int, scale: float, offset: float) -> None:
    """A model in which every cosine is stretched and shifted alike gives the same scores."""
    audio, words, background = directions(seed, 3), directions(seed + 1, 4), directions(seed + 2, 40)
    one = np.ones((1, 1), np.float32)

    def other(vectors: Array, share: float) -> Array:
        return np.concatenate([vectors * share, np.repeat(one, len(vectors), axis=0)], axis=1).astype(np.float32)

    stretched = label_scores(other(audio, scale), other(words, 1), other(background, 1))
    shifted = label_scores(
        np.concatenate([audio, np.full((3, 1), offset, np.float32)], axis=1), other(words, 1), other(background, 1)
    )
    expected = label_scores(audio, words, background)
    np.testing.assert_allclose(stretched, expected, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(shifted, expected, rtol=2e-2, atol=2e-2)


def test_a_clip_like_a_label_is_known_and_one_like_another_name_is_not() -> None:
    words, background = directions(0, 3), directions(1, 60)
    audio = normalise(np.stack([words[1] + 0.2 * background[4], background[7] + 0.2 * words[0]]))
    like_label, like_name = known_scores(audio, words, background)
    assert like_label > 0 > like_name


def test_names_that_say_the_same_as_a_label_are_not_in_the_background() -> None:
    words, names = directions(0, 3), directions(1, 30)
    with_label = np.concatenate([names, normalise(words[:1] + 0.1 * names[:1])])
    np.testing.assert_array_equal(choose_background(with_label, words), choose_background(names, words))


def test_a_background_of_few_names_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{MIN_BACKGROUND} names"):
        label_scores(directions(0, 2), directions(1, 2), directions(2, MIN_BACKGROUND - 1))


@given(scores_of)
def test_a_threshold_refuses_at_most_its_fraction_of_known_clips(scores: list[float]) -> None:
    threshold = threshold_refusing(np.array(scores, np.float32))
    assert (np.array(scores) < threshold - 1e-5).sum() <= np.ceil(REFUSED * len(scores))


@given(scores_of, scores_of)
def test_a_reviewed_threshold_is_as_good_as_any(known: list[float], unknown: list[float]) -> None:
    def wrong(threshold: float) -> int:
        return sum(score < threshold for score in known) + sum(score >= threshold for score in unknown)

    chosen = threshold_between(np.array(known, np.float32), np.array(unknown, np.float32))
    grid = np.arange(-5.05, 5.1, 0.1)
    assert wrong(chosen) <= min(wrong(threshold) for threshold in grid[grid <= max(known + unknown)])


def test_a_review_of_one_side_alone_refuses_none_or_all_of_it() -> None:
    clips, none = np.array([0.4, 0.2, 0.9], np.float32), np.empty(0, np.float32)
    assert threshold_between(clips, none) < 0.2 and threshold_between(none, clips) > 0.9


def test_thresholds_take_clips() -> None:
    for choose in (threshold_refusing, lambda scores: threshold_between(scores, scores)):
        with pytest.raises(ValueError, match=r"clips of known classes|at least one clip"):
            choose(np.empty(0, np.float32))


@given(st.lists(st.integers(-50, 50), max_size=30), st.integers(1, 12))
def test_the_clips_to_review_are_the_nearest_on_either_side(scores: list[int], count: int) -> None:
    chosen = choose_around(np.array(scores, np.float32), 0.0, count).tolist()
    assert len(chosen) == len(set(chosen)) == min(count, len(scores))
    sides = [[abs(scores[one]) for one in chosen if (scores[one] >= 0) is side] for side in (True, False)]
    assert all(side == sorted(side) for side in sides)
    for side, given_side in zip(sides, ([s for s in scores if s >= 0], [s for s in scores if s < 0]), strict=True):
        assert len(side) >= min(count // 2, len(given_side))


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40))
def test_average_precision_is_that_of_scikit_learn(clips: list[tuple[int, bool]]) -> None:
    scores, relevant = (np.array(column) for column in zip(*clips, strict=True))
    found = average_precision(scores.astype(np.float32), relevant)
    if not relevant.any():
        assert found is None
    else:
        assert found == pytest.approx(average_precision_score(relevant, scores))


def test_clips_of_a_class_raise_the_score_of_clips_like_them() -> None:
    words, background = directions(0, 3), directions(1, 40)
    audio = normalise(words[[0, 0, 1, 1, 2, 2]] + 0.3 * directions(5, 6))
    targets = np.array([0, 0, 1, 1, 2, 2])
    means = class_means(audio, targets, 3)
    with_clips = known_scores_with_clips(audio, words, means, background)
    without = known_scores_with_clips(audio, words, np.zeros_like(means), background)
    assert (with_clips > without).all()
    left_out = leave_one_out_scores(audio, targets, words, background)
    assert len(left_out) == 6
    assert (left_out <= with_clips + 1e-5).all()


def test_a_clip_that_is_alone_in_its_class_is_not_left_out() -> None:
    words, background, audio = directions(0, 3), directions(1, 40), directions(2, 4)
    assert len(leave_one_out_scores(audio, np.array([0, 1, 2, 2]), words, background)) == 2


def test_the_names_of_the_background_are_distinct_and_in_plain_letters() -> None:
    names = audioset_names()
    assert len(names) == len(set(names)) == 527
    assert all(name == name.strip().lower() for name in names)
