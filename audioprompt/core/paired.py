"""Two methods compared over several data sets, and a mean's interval. On one data set's clips, see `Comparison`."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 9_999


def wilcoxon(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test: D accuracies of each; 1 where none differs."""
    from scipy.stats import wilcoxon as test  # takes a second to import

    differences = np.round(np.subtract(one, other), 10)  # a tie is a tie, whatever the last bit says
    return float(test(differences).pvalue) if differences.any() else 1.0


def bootstrap_mean(values: Sequence[float], random_state: int = 0) -> tuple[float, float]:
    """Bounds of a mean at 95 % confidence, by drawing the values anew (percentiles); D values."""
    drawn = np.random.default_rng(random_state).choice(np.asarray(values), (RESAMPLES, len(values)))
    low, high = np.percentile(drawn.mean(axis=1), (2.5, 97.5))
    return float(low), float(high)
