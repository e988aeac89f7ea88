"""What a pack does to classes and groups of clips, against scipy, scikit-learn and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import confusion_matrix, recall_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from audioprompt.core.curation import enough_prompts
from audioprompt.core.effects import (
    Change,
    adjust,
    chance_of_groups,
    chances,
    class_effects,
    confusion_flows,
    group_effects,
    paired_interval,
)

CLASSES = 5
CHANGES = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)).map(
    lambda given: (given[0], given[1], sum(given) + 1)
)


def answers(seed: int, clips: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets and two ways to answer, each right of half of the clips; some classes may have no clip."""
    rng = np.random.default_rng(seed)
    targets, *random = rng.integers(0, CLASSES, (3, clips))
    before, after = (np.where(rng.random(clips) < 0.5, targets, one) for one in random)
    return targets, before, after


def test_the_interval_of_a_change_is_that_of_the_book() -> None:
    """The example of Fagerland, Lydersen and Laake (2014): of 21 children one got better and seven got worse."""
    assert paired_interval(1, 7, 21) == pytest.approx((-0.508, -0.013), abs=5e-4)


@given(CHANGES)
def test_an_interval_holds_its_change_and_turns_with_it(given_: tuple[int, int, int]) -> None:
    gained, lost, n = given_
    low, high = paired_interval(gained, lost, n)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert paired_interval(lost, gained, n) == pytest.approx((-high, -low))
    wider, narrower = (paired_interval(times * gained, times * lost, times * n) for times in (1, 9))
    assert narrower[1] - narrower[0] <= wider[1] - wider[0]


@pytest.mark.parametrize(("gained", "lost", "n"), [(-1, 0, 3), (2, 2, 3), (0, 0, 0)])
def test_what_cannot_be_counted_is_refused(gained: int, lost: int, n: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        paired_interval(gained, lost, n)


def test_an_interval_covers_the_true_change() -> None:
    rng, truth = np.random.default_rng(0), 0.25 - 0.10
    draws = rng.multinomial(30, (0.25, 0.10, 0.65), 2000)
    covered = [low <= truth <= high for low, high in (paired_interval(int(up), int(down), 30) for up, down, _ in draws)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


@given(st.lists(CHANGES, max_size=12))
def test_chances_are_mcnemar_s_and_are_adjusted_as_statsmodels_does(given_: list[tuple[int, int, int]]) -> None:
    found = chances([Change(n, lost, gained, lost) for gained, lost, n in given_])
    exact = [mcnemar([[0, gained], [lost, 0]]).pvalue if gained + lost else 1.0 for gained, lost, _ in given_]
    assert found == pytest.approx(exact)
    assert adjust(found) == pytest.approx(multipletests(exact, method="fdr_bh")[1] if exact else [])


@given(st.integers(0, 10_000))
def test_effects_on_classes_add_up_to_recalls_and_counts(seed: int) -> None:
    targets, before, after = answers(seed)
    effects = class_effects(targets, before, after, CLASSES)
    recalls = [
        recall_score(targets, one, labels=range(CLASSES), average=None, zero_division=0) for one in (before, after)
    ]
    for index, effect in enumerate(effects):
        assert (effect.recall is None) == (index not in targets)
        if effect.recall:
            shares = [score.accuracy for score in effect.recall.scores]
            assert shares == pytest.approx([recall[index] for recall in recalls])
            assert effect.recall.difference == pytest.approx(shares[1] - shares[0])
        assert effect.named.before == (targets == index).sum() and effect.named.after == (after == index).sum()
        assert effect.named_before.after == (before == index).sum()
    assert sum(effect.named.difference for effect in effects) == pytest.approx(0)


@given(st.integers(0, 10_000))
def test_flows_are_what_two_confusion_matrices_differ_by(seed: int) -> None:
    targets, before, after = answers(seed)
    old, new = (confusion_matrix(targets, one, labels=range(CLASSES)) for one in (before, after))
    flows = confusion_flows(targets, before, after, CLASSES)
    for flow in flows:
        assert flow.change.before == old[flow.true, flow.taken_for]
        assert flow.change.after == new[flow.true, flow.taken_for]
        assert flow.change.n == old[flow.true].sum()
    moved = {(flow.true, flow.taken_for) for flow in flows}
    others = {tuple(pair) for pair in np.argwhere((old != new) & ~np.eye(CLASSES, dtype=bool)).tolist()}
    assert others <= moved, "a flow may also be as many clips in as out"
    net = [abs(flow.change.after - flow.change.before) for flow in flows]
    assert net == sorted(net, reverse=True)


@given(st.integers(0, 10_000))
def test_effects_on_groups_add_up_to_that_on_all_clips(seed: int) -> None:
    targets, before, after = answers(seed)
    groups = [str(one) for one in np.random.default_rng(seed).integers(0, 3, len(targets))]
    found = group_effects(before == targets, after == targets, groups)
    assert [one.name for one in found] == sorted(set(groups))
    assert sum(one.change.n for one in found) == len(targets)
    assert sum(one.change.after for one in found) == (after == targets).sum()
    right = [[one.change.after, one.change.n - one.change.after] for one in found]
    assert chance_of_groups(found) == pytest.approx(chi2_contingency(right).pvalue)
    assert chance_of_groups(found[:1]) == 1


def test_enough_prompts_are_those_from_which_on_more_gain_little() -> None:
    flat = np.full((3, 6), 0.8)
    assert enough_prompts(flat) == 1
    flat[:, 3] = 0.7
    assert enough_prompts(flat) == 5 and enough_prompts(flat, within=0.2) == 1


@pytest.mark.parametrize(
    ("mean", "enough"),
    [
        ([0.70, 0.75, 0.80, 0.85], 4),  # each gains
        ([0.70, 0.80, 0.79, 0.75], 2),  # the last ones lose
        ([0.80, 0.78, 0.76, 0.70], 1),
        ([0.78, 0.75, 0.75, 0.76], 4),  # what was lost comes back
    ],
)
def test_prompts_that_only_lose_do_not_ask_for_more(mean: list[float], enough: int) -> None:
    assert enough_prompts(np.array([mean, mean])) == enough
