"""None of these: scores, thresholds and average precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from audioprompt.core.rejection import (
    BEST,
    MIN_BACKGROUND,
    REFUSED,
    Background,
    average_precision,
    choose_around,
    class_means,
    known_scores,
    label_scores,
    leave_one_out_scores,
    threshold_between,
    threshold_refusing,
)
from audioprompt.core.zero_shot import Array, normalise
from audioprompt.models.background import audioset_names, names_meant

scores_of = st.lists(st.integers(-50, 50).map(lambda number: number / 10), min_size=1, max_size=40)


def directions(seed: int, count: int, dim: int = 24) -> Array:
    return normalise(np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32))


def against(names: Array, labels: int) -> Background:
    """A background of names that are no kind of any label."""
    return Background(names, np.zeros((labels, len(names)), np.bool_))


@given(st.integers(0, 1_000), st.floats(0.1, 10), st.floats(-3, 3))
def test_scores_do_not_depend_on_how_a_model_spreads_its_cosines(seed: int, scale: float, offset: float) -> None:
    """A model in which every cosine is stretched and shifted alike gives the same scores."""
    audio, words, background = directions(seed, 3), directions(seed + 1, 4), directions(seed + 2, 40)
    one = np.ones((1, 1), np.float32)

    def other(vectors: Array, share: float) -> Array:
        return np.concatenate([vectors * share, np.repeat(one, len(vectors), axis=0)], axis=1).astype(np.float32)

    stretched = label_scores(other(audio, scale), other(words, 1), against(other(background, 1), 4))
    shifted = label_scores(
        np.concatenate([audio, np.full((3, 1), offset, np.float32)], axis=1),
        other(words, 1),
        against(other(background, 1), 4),
    )
    expected = label_scores(audio, words, against(background, 4))
    np.testing.assert_allclose(stretched, expected, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(shifted, expected, rtol=2e-2, atol=2e-2)


def test_a_clip_like_a_label_is_known_and_one_like_another_name_is_not() -> None:
    words, background = directions(0, 3), directions(1, 60)
    audio = normalise(np.stack([words[1] + 0.2 * background[4], background[7] + 0.2 * words[0]]))
    like_label, like_name = known_scores(audio, words, against(background, 3))
    assert like_label > 0 > like_name


def test_a_kind_of_what_a_label_says_counts_for_it_and_against_the_others() -> None:
    words, names = directions(0, 3), directions(1, 60)
    audio = normalise(names[:1] + names[1:2])  # of a kind of the first label, and not like its words
    kinds = np.zeros((3, 60), np.bool_)
    kinds[0, :BEST] = True
    before, now = (label_scores(audio, words, one)[0] for one in (against(names, 3), Background(names, kinds)))
    assert now[0] > before[0]
    np.testing.assert_allclose(now[1:], before[1:], rtol=1e-5)
    theirs, rest = ((audio @ names[rows].T)[0] for rows in (slice(BEST), slice(BEST, None)))
    near = max(float(audio[0] @ words[0]), float(theirs.mean()))
    assert now[0] == pytest.approx((near - np.sort(rest)[-BEST:].mean()) / (audio @ names.T).std(), rel=1e-4)


def test_a_background_of_few_names_is_refused() -> None:
    few = against(directions(2, MIN_BACKGROUND - 1), 2)
    kinds = np.zeros((2, MIN_BACKGROUND), np.bool_)
    kinds[1, 0] = True  # which leaves as few against the second label
    for background in (few, Background(directions(2, MIN_BACKGROUND), kinds)):
        assert not background.enough
        with pytest.raises(ValueError, match=f"{MIN_BACKGROUND} names"):
            label_scores(directions(0, 2), directions(1, 2), background)


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
    words, background = directions(0, 3), against(directions(1, 40), 3)
    audio = normalise(words[[0, 0, 1, 1, 2, 2]] + 0.3 * directions(5, 6))
    targets = np.array([0, 0, 1, 1, 2, 2])
    means = class_means(audio, targets, 3)
    with_clips = known_scores(audio, words, background, means)
    without = known_scores(audio, words, background)
    assert (with_clips > without).all()
    left_out = leave_one_out_scores(audio, targets, words, background)
    assert len(left_out) == 6
    assert (left_out <= with_clips + 1e-5).all()


def test_a_clip_that_is_alone_in_its_class_is_not_left_out() -> None:
    words, background, audio = directions(0, 3), against(directions(1, 40), 3), directions(2, 4)
    assert len(leave_one_out_scores(audio, np.array([0, 1, 2, 2]), words, background)) == 2


def test_the_names_of_the_background_are_distinct_and_in_plain_letters() -> None:
    names = audioset_names()
    assert len(names) == len(set(names)) == 527
    assert all(name == name.strip().lower() for name in names)


def test_what_labels_may_say_means_names_of_the_background() -> None:
    meant = names_meant(audioset_names())
    assert {"flute", "jazz", "choir"} <= meant["music"] and not {"dog", "speech", "bark"} & meant["music"]
    assert {"dog", "bark", "bird", "duck", "domestic animals, pets"} <= meant["animal"]
    assert meant["cow"] == {"cattle, bovinae", "moo", "cowbell"}
    assert meant["airplane"] == {"fixed-wing aircraft, airplane"} < meant["vehicle"]
    assert all(set(audioset_names()) >= kinds and kinds for kinds in meant.values())


def test_names_of_a_model_of_its_own_are_meant_and_no_others() -> None:
    meant = names_meant(("flute", "lyre, harp"))
    assert meant["flute"] == meant["music"] == {"flute"} and meant["lyre"] == {"lyre, harp"} and not meant["animal"]
