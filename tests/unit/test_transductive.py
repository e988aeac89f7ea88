"""Listening to all clips first: the arithmetic, and when it steps back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.core.transductive import LabelledExamples, name_together, place_words
from audioprompt.core.zero_shot import Array, normalise, softmax

SCALE = 25.0


def clips_and_words(seed: int, clips: int = 30, classes: int = 4, dim: int = 16) -> tuple[Array, Array, Any]:
    """Clips that lie around a direction for each class, words that point roughly there, and the clips' classes."""
    rng = np.random.default_rng(seed)
    words = normalise((rng.standard_normal(dim) + 0.4 * rng.standard_normal((classes, dim))).astype(np.float32))
    targets = np.arange(clips) % classes
    offset = 0.5 * rng.standard_normal((classes, dim))
    audio = words[targets] + 0.1 * offset[targets] + 0.12 * rng.standard_normal((clips, dim))
    return normalise(audio.astype(np.float32)), words, targets


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 6), st.booleans())
def test_answers_are_probabilities_and_follow_the_order_of_clips_and_labels(
    seed: int, clips: int, classes: int, guarded: bool
) -> None:
    audio, words, _ = clips_and_words(seed, clips, classes)
    rng = np.random.default_rng(seed)
    found = name_together(audio, words, SCALE, guarded=guarded)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-4)
    rows, columns = rng.permutation(clips), rng.permutation(classes)
    again = name_together(audio[rows], words[columns], SCALE, guarded=guarded)
    np.testing.assert_allclose(again.probabilities, found.probabilities[np.ix_(rows, columns)], atol=1e-3)
    assert (found.means is None) == (found.reason is not None)
    if found.reason:
        np.testing.assert_array_equal(found.probabilities, found.alone)


@given(st.integers(0, 10_000))
def test_what_was_learned_names_the_same_clips_alike_one_by_one(seed: int) -> None:
    audio, words, _ = clips_and_words(seed)
    found = name_together(audio, words, SCALE, guarded=False)
    assert found.means is not None
    one_by_one = softmax(SCALE * audio @ words.T + found.means.log_likelihoods(audio))
    np.testing.assert_allclose(one_by_one, found.probabilities, atol=2e-3)


@given(st.integers(0, 10_000))
def test_clips_around_their_classes_are_named_no_worse_than_by_words(seed: int) -> None:
    audio, words, targets = clips_and_words(seed, clips=60)
    found = name_together(audio, words, SCALE)
    right = [(said.argmax(axis=1) == targets).mean() for said in (found.alone, found.probabilities)]
    assert right[1] >= right[0] - 0.05


def test_labelled_clips_move_the_answers_towards_their_classes() -> None:
    audio, words, targets = clips_and_words(3)
    wrong_way = LabelledExamples(audio[:8], (targets[:8] + 1) % 4)
    right_way = LabelledExamples(audio[:8], targets[:8])
    sure = [
        name_together(audio[8:], words, SCALE, labelled, guarded=False).probabilities[range(22), targets[8:]].mean()
        for labelled in (wrong_way, None, right_way)
    ]
    assert sure[0] < sure[1] < sure[2]


def test_words_are_placed_at_the_clips_they_are_said_of() -> None:
    audio, words, _ = clips_and_words(1)
    placed = place_words(audio.astype(np.float64), words, softmax(SCALE * audio @ words.T).astype(np.float64))
    shifted = place_words(audio + 3.0, words, softmax(SCALE * audio @ words.T).astype(np.float64))
    np.testing.assert_allclose(shifted, placed + 3.0, atol=1e-6)  # where the clips are, wherever texts lie


@pytest.mark.parametrize(
    ("clips", "classes", "reason"),
    [
        (1, 3, "1 clip for 3 labels: too few"),
        (2, 3, "2 clips for 3 labels: too few"),
        (5, 1, "only one label"),
    ],
)
def test_too_few_clips_or_labels_leave_it_to_the_words(clips: int, classes: int, reason: str) -> None:
    audio, words, _ = clips_and_words(0, clips, classes)
    found = name_together(audio, words, SCALE)
    assert reason in (found.reason or "")
    assert found.moved == 0


def test_the_same_clip_many_times_has_nothing_to_add() -> None:
    audio, words, _ = clips_and_words(0)
    found = name_together(np.repeat(audio[:1], 9, axis=0), words, SCALE)
    assert "All clips sound the same" in (found.reason or "")


def test_clips_that_group_by_something_else_are_not_followed() -> None:
    """Words that say next to nothing, and clips in clusters that cut across them."""
    rng = np.random.default_rng(0)
    words = normalise((rng.standard_normal(32) + 0.2 * rng.standard_normal((3, 32))).astype(np.float32))
    centres = normalise(rng.standard_normal((3, 32)).astype(np.float32))
    clusters = centres[np.arange(60) % 3] + 0.1 * rng.standard_normal((60, 32))
    audio = normalise((clusters + 0.6 * words[rng.integers(0, 3, 60)]).astype(np.float32))
    found, free = name_together(audio, words, SCALE), name_together(audio, words, SCALE, guarded=False)
    assert free.moved > 20
    assert f"change {free.moved} of 60 answers" in (found.reason or "")


def test_one_label_that_takes_over_is_not_followed() -> None:
    words = np.eye(4, 16, dtype=np.float32)
    between = normalise(words[:1] + 0.99 * words[1:2])  # a cluster that the words put under the first label, narrowly
    audio = np.concatenate([np.repeat(words, 7, axis=0), np.repeat(between, 12, axis=0)])
    examples = LabelledExamples(np.repeat(between, 30, axis=0), np.full(30, 1))
    free = name_together(audio, words, SCALE, examples, guarded=False)
    assert free.moved == 12
    assert "One label would take over 12 of 40" in (name_together(audio, words, SCALE, examples).reason or "")


@pytest.mark.parametrize(
    ("audio", "words", "labelled"),
    [
        (np.empty((0, 4)), np.eye(2, 4), None),
        (np.ones((3, 5)), np.eye(2, 4), None),
        (np.full((3, 4), np.nan), np.eye(2, 4), None),
        (np.ones((3, 4)), np.empty((0, 4)), None),
        (np.ones((3, 4)), np.eye(2, 4), LabelledExamples(np.ones((2, 4), np.float32), np.array([0, 2]))),
        (np.ones((3, 4)), np.eye(2, 4), LabelledExamples(np.ones((2, 4), np.float32), np.array([0]))),
    ],
)
def test_what_does_not_fit_is_refused(audio: Any, words: Any, labelled: LabelledExamples | None) -> None:
    with pytest.raises(ValueError, match=r"clip|words|targets|embedding"):
        name_together(audio.astype(np.float32), words.astype(np.float32), SCALE, labelled)
