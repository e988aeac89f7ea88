"""Proposed selections: what they are made of, and that they hold on clips they were not made from."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioprompt.core.auto_curation import (
    FEWEST,
    confidence,
    eliminate,
    eliminations,
    judge,
    propose,
    random_half,
    rank,
)
from audioprompt.core.curation import ScoreTable, added_up, choices, score_templates
from audioprompt.core.zero_shot import Array, ensemble_weights, normalise, softmax
from audioprompt.util.jobs import Stopped

CLASSES = tuple("abcdef")
SEEDS = st.integers(0, 100_000)


def two_tables(seed: int, spread: Array, clips: int = 120, dim: int = 24) -> tuple[ScoreTable, ScoreTable]:
    """Boards of the same templates on different clips; ``spread`` says how badly each template says the classes."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((len(CLASSES), dim))
    wordings = centres + spread[:, None, None] * rng.standard_normal((len(spread), len(CLASSES), dim))
    prompts = normalise(wordings.astype(np.float32))

    def measured() -> ScoreTable:
        targets = rng.integers(0, len(CLASSES), clips)
        audio = normalise((centres[targets] + 1.5 * rng.standard_normal((clips, dim))).astype(np.float32))
        return score_templates(audio, prompts[0], prompts, targets, CLASSES)

    return measured(), measured()


def alike(count: int) -> Array:
    return np.ones(count, np.float32)


def right(table: ScoreTable, selection: np.ndarray) -> int:
    return int((choices(table, selection) == table.targets).sum())


@settings(max_examples=20)
@given(SEEDS)
def test_confidence_is_the_mean_probability_of_the_truth(seed: int) -> None:
    rng = np.random.default_rng(seed)
    audio = normalise(rng.standard_normal((30, 8)).astype(np.float32))
    prompts = normalise(rng.standard_normal((5, len(CLASSES), 8)).astype(np.float32))
    targets = rng.integers(0, len(CLASSES), 30)
    found = score_templates(audio, prompts[0], prompts, targets, CLASSES)
    some = np.array([True, False, True, True, False])
    probabilities = softmax(20 * audio @ ensemble_weights(prompts[some]).T)
    expected = probabilities[np.arange(30), targets].mean()
    assert confidence(found, *added_up(found, some), 20) == pytest.approx(expected, rel=1e-4)


@settings(max_examples=20)
@given(SEEDS)
def test_each_elimination_is_the_best_of_all(seed: int) -> None:
    found, _ = two_tables(seed, alike(7), clips=40)
    ensembles = eliminate(found, 20, ~found.everything)
    assert [kept.sum() for kept in ensembles] == list(range(7, FEWEST - 1, -1))
    for before, after in pairwise(ensembles):
        assert (after <= before).all()
        worths = []
        for k in np.flatnonzero(before):
            without = before.copy()
            without[k] = False
            worths.append(confidence(found, *added_up(found, without), 20))
        assert confidence(found, *added_up(found, after), 20) == pytest.approx(max(worths), rel=1e-5)


@settings(max_examples=20)
@given(SEEDS)
def test_the_ranking_takes_away_the_worst_first(seed: int) -> None:
    found, _ = two_tables(seed, alike(7), clips=40)
    ensembles = rank(found, 20, ~found.everything)
    assert [kept.sum() for kept in ensembles] == list(range(7, FEWEST - 1, -1))
    alone = [confidence(found, *added_up(found, np.arange(7) == k), 20) for k in range(7)]
    for kept in ensembles[1:]:
        assert min(np.array(alone)[kept]) >= max(np.array(alone)[~kept]) - 1e-6


def test_of_hundreds_of_templates_each_ensemble_is_judged_as_if_it_stood_alone() -> None:
    found, _ = two_tables(3, alike(400), clips=40)
    ensembles = rank(found, 20, ~found.everything)
    alone = [confidence(found, *added_up(found, some), 20) for some in ensembles]
    assert judge(found, ensembles, 20) == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize(
    ("held_out", "count"),
    [
        ([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]], 0),  # nothing gained: nothing taken away
        ([[0.5, 0.6, 0.6], [0.5, 0.6, 0.6]], 1),  # no more than needed
        ([[0.5, 0.6, 0.7], [0.5, 0.6, 0.7]], 2),
        ([[0.5, 0.1, 0.9], [0.5, 0.9, 0.12]], 0),  # better on average, but only by chance
    ],
)
def test_how_many_are_taken_away(held_out: list[list[float]], count: int) -> None:
    assert eliminations(np.array(held_out)) == count


@given(SEEDS)
def test_halves_share_out_every_class(seed: int) -> None:
    found, _ = two_tables(seed, alike(3), clips=31)
    half = random_half(found, np.random.default_rng(seed))
    assert abs(int(half.sum()) - int((~half).sum())) == 1
    for label in range(len(CLASSES)):
        of_class = found.targets == label
        assert abs(int((half & of_class).sum()) - int((~half & of_class).sum())) <= 1


def test_a_proposal_is_the_same_every_time() -> None:
    seen, _ = two_tables(0, alike(8))
    assert (propose(seen, seed=3) == propose(seen, seed=3)).all()


def test_a_proposal_says_how_far_it_is_and_can_be_ended() -> None:
    found, _ = two_tables(3, alike(20))
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 200:
            raise Stopped

    with pytest.raises(Stopped):
        propose(found, leave_out=np.arange(20) == 0, progress=tell)
    assert told[0] == (0, 16) and told == sorted(told) and told[-1][0] > 0


@pytest.mark.parametrize("templates", [1, FEWEST])
def test_few_templates_are_all_proposed(templates: int) -> None:
    seen, _ = two_tables(0, alike(templates))
    assert propose(seen).all()


def test_one_clip_says_nothing() -> None:
    seen, _ = two_tables(0, alike(8))
    assert propose(seen.on(np.array([0]))).all()


def test_bad_templates_go_and_unseen_clips_gain() -> None:
    spread = np.where(np.arange(24) < 16, 8, 0.7).astype(np.float32)
    gains = []
    for seed in range(4):
        seen, unseen = two_tables(seed, spread)
        proposed = propose(seen)
        assert proposed[16:].mean() > proposed[:16].mean()
        gains.append(right(unseen, proposed) - right(unseen, unseen.everything))
    assert np.mean(gains) > 0


def test_equally_good_templates_stay_together() -> None:
    losses = []
    for seed in range(4):
        seen, unseen = two_tables(seed, alike(24))
        losses.append(right(unseen, unseen.everything) - right(unseen, propose(seen)))
    assert np.mean(losses) < 120 / 100  # one clip in a hundred


@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_and_what_is_left_out_is_not_weighed(seed: int) -> None:
    found, _ = two_tables(seed, np.linspace(0.2, 4, 12).astype(np.float32))
    keep, leave_out = np.arange(12) >= 10, np.arange(12) < 2  # the two worst, and the two best
    selection = propose(found, keep=keep, leave_out=leave_out)
    assert selection[10:].all() and not selection[:2].any()
    assert (propose(found, keep=~keep & keep, leave_out=~keep & keep) == propose(found)).all()
    assert not propose(found, leave_out=found.everything).any()
    assert propose(found, keep=found.everything).all()
