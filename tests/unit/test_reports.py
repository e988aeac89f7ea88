"""Accuracies and intervals, against their definitions."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from audioprompt.core.metrics import (
    Z_95,
    Evaluation,
    Score,
    ensemble_score,
    evaluate,
    template_sensitivity,
    wilson_interval,
)
from audioprompt.core.zero_shot import normalise

# Two classes on the axes of a plane; one template is right, one swaps them, one says the same of both.
AXES = np.eye(2, dtype=np.float32)
RIGHT, SWAPPED, SAME = AXES, AXES[::-1], np.stack([AXES[0], AXES[0]])
AUDIO = normalise(np.array([[1.0, 0.1], [0.9, 0.2], [0.1, 1.0]], np.float32))
TARGETS = np.array([0, 0, 1])


def case(seed: int, clips: int = 40, templates: int = 3, classes: int = 5, dim: int = 8) -> Evaluation:
    rng = np.random.default_rng(seed)
    audio = normalise(rng.standard_normal((clips, dim)).astype(np.float32))
    prompts = normalise(rng.standard_normal((templates, classes, dim)).astype(np.float32))
    targets = rng.integers(0, classes, clips)
    return evaluate(audio, prompts[0], prompts, targets, tuple("abcde"[:classes]))


def test_each_template_is_scored_alone() -> None:
    scores = template_sensitivity(AUDIO, np.stack([RIGHT, SWAPPED, SAME]), TARGETS)
    assert scores == (Score(3, 3), Score(0, 3), Score(2, 3))


def test_an_evaluation() -> None:
    report = evaluate(AUDIO, SAME, np.stack([SWAPPED, RIGHT, RIGHT]), TARGETS, ("low", "high"))
    assert report.classes == ("low", "high")
    assert report.n == 3
    assert report.vanilla.accuracy == pytest.approx(2 / 3)
    assert [score.accuracy for score in report.templates] == [0.0, 1.0, 1.0]
    assert report.ensemble == Score(3, 3)
    assert report.best == 1
    assert report.mean_of_templates == pytest.approx(2 / 3)
    assert report.confusion.tolist() == [[2, 0], [0, 1]]
    assert report.recalls == (Score(2, 2), Score(1, 1))


def test_confusion_has_the_truth_in_its_rows() -> None:
    report = evaluate(AUDIO, RIGHT, SAME[None], TARGETS, ("low", "high"))
    assert report.confusion.tolist() == [[2, 0], [1, 0]]
    assert report.recalls == (Score(2, 2), Score(0, 1))


def test_a_class_without_clips_has_no_recall() -> None:
    report = evaluate(AUDIO[:2], RIGHT, RIGHT[None], TARGETS[:2], ("low", "high"))
    assert report.recalls == (Score(2, 2), None)


@given(st.integers(0, 10_000))
def test_scikit_learn_counts_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    audio = normalise(rng.standard_normal((30, 6)).astype(np.float32))
    prompts = normalise(rng.standard_normal((4, 3, 6)).astype(np.float32))
    targets = np.concatenate([np.arange(3), rng.integers(0, 3, 27)])
    report = evaluate(audio, prompts[0], prompts, targets, "abc")
    mean = prompts.mean(axis=0)
    chosen = (audio @ (mean / np.linalg.norm(mean, axis=1, keepdims=True)).T).argmax(axis=1)
    assert report.ensemble.accuracy == pytest.approx(accuracy_score(targets, chosen))
    assert (report.confusion == confusion_matrix(targets, chosen, labels=range(3))).all()
    recalls = [found.accuracy for found in report.recalls if found]
    assert recalls == pytest.approx(recall_score(targets, chosen, average=None))
    assert report.ensemble == ensemble_score(audio, prompts, targets)
    for weights, alone in zip(prompts, report.templates, strict=True):
        assert alone.accuracy == pytest.approx(accuracy_score(targets, (audio @ weights.T).argmax(axis=1)))


@given(st.integers(0, 10_000))
def test_confusion_holds_every_clip_once(seed: int) -> None:
    report = case(seed)
    assert report.confusion.sum() == report.n == 40
    assert np.trace(report.confusion) == report.ensemble.correct
    assert sum(found.n for found in report.recalls if found) == 40


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_is_scipys(share: tuple[int, int]) -> None:
    correct, n = share
    expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(correct, n)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= correct / n + 1e-12 and correct / n - 1e-12 <= high <= 1
    assert Score(correct, n).interval == (low, high)


def test_z_is_the_quantile_it_says() -> None:
    assert pytest.approx(NormalDist().inv_cdf(0.975)) == Z_95


@pytest.mark.parametrize(("correct", "n"), [(0, 0), (-1, 3), (4, 3), (0, -1)])
def test_no_interval_for_what_is_no_share(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match="is not a fraction"):
        wilson_interval(correct, n)


@pytest.mark.parametrize(
    ("audio", "vanilla", "prompts", "targets", "classes"),
    [
        (AUDIO, RIGHT, RIGHT, TARGETS, ("a", "b")),  # no templates axis
        (AUDIO, RIGHT, np.empty((0, 2, 2), np.float32), TARGETS, ("a", "b")),
        (AUDIO, RIGHT[:1], RIGHT[None], TARGETS, ("a", "b")),
        (AUDIO, RIGHT, RIGHT[None], TARGETS, ("a", "b", "c")),
        (AUDIO, RIGHT, RIGHT[None], TARGETS[:2], ("a", "b")),
        (AUDIO[:0], RIGHT, RIGHT[None], TARGETS[:0], ("a", "b")),
    ],
    ids=["flat", "no-template", "vanilla", "classes", "targets", "no-clip"],
)
def test_shapes_that_do_not_fit(
    audio: np.ndarray, vanilla: np.ndarray, prompts: np.ndarray, targets: np.ndarray, classes: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"got shape|do not fit"):
        evaluate(audio, vanilla, prompts, targets, classes)
