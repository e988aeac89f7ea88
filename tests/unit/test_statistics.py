"""The statistics checked against scikit-learn, scipy and statsmodels."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from audioprompt.core.calibration import measure_reliability
from audioprompt.core.curation import Comparison
from audioprompt.core.metrics import Score, confusion, score, wilson_interval
from audioprompt.core.paired import bootstrap_mean, wilcoxon
from audioprompt.core.rejection import average_precision
from audioprompt.services.learn.results import interval_over_seeds

RNG = np.random.default_rng(0)
TARGETS, CHOSEN = RNG.integers(0, 5, 300), RNG.integers(0, 5, 300)


@pytest.mark.parametrize(("correct", "n"), [(0, 5), (1, 7), (50, 100), (999, 1_000), (3, 3)])
def test_wilsons_interval_is_that_of_statsmodels(correct: int, n: int) -> None:
    expected = proportion_confint(correct, n, method="wilson")
    assert wilson_interval(correct, n) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_mcnemars_exact_test_is_that_of_statsmodels(seed: int) -> None:
    one, other = np.random.default_rng(seed).random((2, 60)) < [[0.7], [0.5]]
    table = [[(one & other).sum(), (one & ~other).sum()], [(~one & other).sum(), (~one & ~other).sum()]]
    assert Comparison.of(one, other).p == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-12)


@pytest.mark.parametrize("size", [5, 12, 60])
def test_wilcoxons_test_is_that_of_scipy(size: int) -> None:
    one, other = np.random.default_rng(size).random((2, size))
    assert wilcoxon(one.tolist(), other.tolist()) == pytest.approx(stats.wilcoxon(one, other).pvalue)
    assert wilcoxon([0.5] * size, [0.5] * size) == 1.0


def test_the_bootstrap_of_a_mean_is_that_of_scipy() -> None:
    values = RNG.normal(0.02, 0.05, 12)
    expected = stats.bootstrap((values,), np.mean, method="percentile", random_state=1).confidence_interval
    assert bootstrap_mean(values.tolist()) == pytest.approx((expected.low, expected.high), abs=2e-3)


def test_the_interval_over_seeds_is_that_of_statsmodels() -> None:
    scores = [Score(70, 100), Score(75, 100), Score(71, 100)]
    expected = DescrStatsW([one.accuracy for one in scores]).tconfint_mean()
    assert interval_over_seeds(scores) == pytest.approx(expected)


def test_accuracy_and_confusion_are_those_of_scikit_learn() -> None:
    assert score(CHOSEN, TARGETS).accuracy == pytest.approx(sklearn.accuracy_score(TARGETS, CHOSEN))
    assert confusion(CHOSEN, TARGETS, 5).tolist() == sklearn.confusion_matrix(TARGETS, CHOSEN).tolist()


def test_average_precision_is_that_of_scikit_learn() -> None:
    scores, relevant = RNG.normal(size=200).astype(np.float32), RNG.random(200) < 0.3
    assert average_precision(scores, relevant) == pytest.approx(sklearn.average_precision_score(relevant, scores))


def test_calibration_error_is_the_bins_mean_of_numpy() -> None:
    probabilities = RNG.dirichlet(np.ones(5), 300).astype(np.float32)
    found = measure_reliability(probabilities, TARGETS)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == TARGETS
    bins = np.digitize(sure, np.linspace(0, 1, 11)[1:-1])
    sums = [abs(sure[bins == one].mean() - right[bins == one].mean()) * (bins == one).sum() for one in set(bins)]
    assert found.error == pytest.approx(sum(sums) / 300, abs=1e-6)
