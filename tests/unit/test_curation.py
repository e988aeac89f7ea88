"""What a table says about a selection, against the same computed anew from the embeddings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from audioprompt.core.curation import (
    Comparison,
    ScoreTable,
    choices,
    growing,
    report_selection,
    score_templates,
    wins_and_losses,
    wins_and_losses_within,
)
from audioprompt.core.metrics import Score, ensemble_score, evaluate, template_sensitivity, winners
from audioprompt.core.zero_shot import Array, ensemble_weights, normalise

CLASSES = tuple("abcde")
SEEDS = st.integers(0, 100_000)
Embeddings = tuple[Array, Array, Array, NDArray[np.intp]]

# Two classes on the axes of a plane; one template is right, one swaps them, one says the same of both.
AXES = np.eye(2, dtype=np.float32)
RIGHT, SWAPPED, SAME = AXES, AXES[::-1], np.stack([AXES[0], AXES[0]])
AUDIO = normalise(np.array([[1.0, 0.1], [0.9, 0.2], [0.1, 1.0]], np.float32))
TARGETS = np.array([0, 0, 1])
PLANE = score_templates(AUDIO, SAME, np.stack([RIGHT, SWAPPED, SAME]), TARGETS, ("low", "high"))


def embeddings(seed: int, clips: int = 60, templates: int = 6, dim: int = 8) -> Embeddings:
    """Clips scattered about their classes, vanilla, and templates that each say the classes a little differently."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((len(CLASSES), dim))
    targets = rng.integers(0, len(CLASSES), clips)
    audio = normalise((centres[targets] + 1.5 * rng.standard_normal((clips, dim))).astype(np.float32))
    wordings = centres + rng.standard_normal((templates + 1, len(CLASSES), dim))
    prompts = normalise(wordings.astype(np.float32))
    return audio, prompts[0], prompts[1:], targets


def measured(seed: int) -> ScoreTable:
    return score_templates(*embeddings(seed), CLASSES)


def selection(seed: int, templates: int = 6) -> NDArray[np.bool_]:
    """Some of the templates, at times all or none."""
    rng = np.random.default_rng(seed + 1)
    return rng.random(templates) < rng.choice([0, 0.2, 0.5, 0.8, 1])


def anew(data: Embeddings, templates: list[int]) -> Score:
    """An ensemble's score, from the embeddings; vanilla's where there is no template."""
    audio, vanilla, prompts, targets = data
    return ensemble_score(audio, prompts[templates] if templates else vanilla[None], targets)


# --- against brute force ----------------------------------------------------------------------------------------------


@given(SEEDS)
def test_an_ensemble_chooses_as_zero_shot_does(seed: int) -> None:
    audio, vanilla, prompts, targets = embeddings(seed)
    chosen = selection(seed)
    weights = ensemble_weights(prompts[chosen]) if chosen.any() else vanilla
    found = score_templates(audio, vanilla, prompts, targets, CLASSES)
    assert (choices(found, chosen) == winners(audio, weights)).all()


@given(SEEDS)
def test_scores_are_those_of_an_evaluation(seed: int) -> None:
    audio, vanilla, prompts, targets = embeddings(seed)
    approved = selection(seed)
    approved[0] = True
    found = score_templates(audio, vanilla, prompts, targets, CLASSES)
    stands = report_selection(found, approved)
    report = evaluate(audio, vanilla, prompts[approved], targets, CLASSES)
    assert stands.ensemble == report.ensemble
    assert stands.vanilla == report.vanilla
    assert stands.recalls == report.recalls
    assert stands.uncurated == ensemble_score(audio, prompts, targets)
    assert found.scores == template_sensitivity(audio, prompts, targets)
    assert stands.best == max(found.scores, key=lambda score: score.correct)


@given(SEEDS)
def test_gains_are_leave_one_out_and_add_one(seed: int) -> None:
    data = embeddings(seed)
    approved = selection(seed)
    stands = report_selection(score_templates(*data, CLASSES), approved)
    members = np.flatnonzero(approved).tolist()
    now = anew(data, members)
    assert stands.ensemble == now
    for k, gain in enumerate(stands.gains):
        if approved[k]:
            expected = now.accuracy - anew(data, [m for m in members if m != k]).accuracy
        else:
            expected = anew(data, [*members, k]).accuracy - now.accuracy
        assert gain == pytest.approx(expected)


@given(SEEDS)
def test_the_curve_grows_by_accuracy_alone(seed: int) -> None:
    data = embeddings(seed)
    found = score_templates(*data, CLASSES)
    stands = report_selection(found, selection(seed))
    correct = [found.scores[k].correct for k in stands.order]
    assert correct == sorted(correct, reverse=True)
    assert sorted(stands.order) == np.flatnonzero(selection(seed)).tolist()
    assert stands.curve == tuple(anew(data, list(stands.order[: count + 1])) for count in range(len(stands.order)))
    assert not stands.curve or stands.curve[-1] == stands.ensemble


@given(SEEDS)
def test_any_order_grows_to_the_same_end(seed: int) -> None:
    data = embeddings(seed)
    found = score_templates(*data, CLASSES)
    order = np.random.default_rng(seed).permutation(6)
    assert growing(found, order) == [anew(data, order[: count + 1].tolist()) for count in range(6)]
    assert found.random_curves.shape == (20, 6)
    assert found.random_curves[:, -1] == pytest.approx(report_selection(found, selection(seed)).uncurated.accuracy)


@given(SEEDS)
def test_the_order_of_candidates_does_not_matter(seed: int) -> None:
    audio, vanilla, prompts, targets = embeddings(seed)
    order = np.random.default_rng(seed).permutation(6)
    approved = selection(seed)
    one = report_selection(score_templates(audio, vanilla, prompts, targets, CLASSES), approved)
    other = report_selection(score_templates(audio, vanilla, prompts[order], targets, CLASSES), approved[order])
    assert other.gains == pytest.approx(one.gains[order])
    assert (one.ensemble, one.uncurated, one.recalls) == (other.ensemble, other.uncurated, other.recalls)
    assert (one.against_vanilla, one.against_uncurated) == (other.against_vanilla, other.against_uncurated)


@given(SEEDS)
def test_differences_between_two_methods_add_up(seed: int) -> None:
    found, approved = measured(seed), selection(seed)
    stands = report_selection(found, approved)
    against = stands.against_vanilla
    assert against.better - against.worse == stands.ensemble.correct - stands.vanilla.correct
    for k, score in enumerate(found.scores):
        won, lost = wins_and_losses(found, k)
        assert len(won) - len(lost) == score.correct - stands.vanilla.correct
        won, lost = wins_and_losses_within(found, approved, k)
        assert (len(won) - len(lost)) / found.n == pytest.approx(stands.gains[k])


@given(SEEDS)
def test_recalls_hold_every_clip_once(seed: int) -> None:
    stands = report_selection(measured(seed), selection(seed))
    for recalls, score in ((stands.recalls, stands.ensemble), (stands.recalls_before, stands.vanilla)):
        held = [recall for recall in recalls if recall]
        assert sum(recall.n for recall in held) == score.n
        assert sum(recall.correct for recall in held) == score.correct


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_equals_go_to_the_first_class() -> None:
    assert choices(PLANE, np.array([False, False, True])).tolist() == [0, 0, 0]
    both = winners(AUDIO, ensemble_weights(np.stack([RIGHT, SWAPPED])))
    assert both.tolist() == choices(PLANE, np.array([True, True, False])).tolist() == [0, 0, 0]


def test_equals_count_for_the_first_class_in_curves_and_gains() -> None:
    """Two templates that say the same of both classes: every ensemble of them ties on every clip."""
    ties = score_templates(AUDIO, RIGHT, np.stack([SAME, SAME]), TARGETS, ("low", "high"))
    stands = report_selection(ties, np.array([True, False]))
    assert stands.curve == (Score(2, 3),)
    assert stands.gains == pytest.approx([2 / 3 - 1, 0])
    assert growing(ties, [0, 1]) == [Score(2, 3), Score(2, 3)]


def test_a_small_table() -> None:
    stands = report_selection(PLANE, np.array([True, False, True]))
    assert PLANE.scores == (Score(3, 3), Score(0, 3), Score(2, 3))
    assert stands.vanilla == Score(2, 3)
    assert stands.order == (0, 2)
    assert stands.curve[0] == Score(3, 3)
    assert [clips.tolist() for clips in wins_and_losses(PLANE, 0)] == [[2], []]
    assert [clips.tolist() for clips in wins_and_losses(PLANE, 1)] == [[], [0, 1]]


def test_with_nothing_approved_vanilla_stands_in() -> None:
    stands = report_selection(PLANE, np.zeros(3, bool))
    assert stands.ensemble == stands.vanilla
    assert stands.gains == pytest.approx([1 / 3, -2 / 3, 0])
    assert stands.curve == stands.order == ()
    assert report_selection(PLANE, np.array([True, False, False])).gains[0] == pytest.approx(1 / 3)


def test_a_class_without_clips_has_no_recall() -> None:
    found = score_templates(AUDIO[:2], RIGHT, RIGHT[None], TARGETS[:2], ("low", "high"))
    assert report_selection(found, np.ones(1, bool)).recalls == (Score(2, 2), None)


@pytest.mark.parametrize(
    ("better", "worse", "words"),
    [
        (12, 5, "12 clips better, 5 worse: may be chance"),
        (21, 4, "21 clips better, 4 worse: more than chance"),
        (4, 21, "4 clips better, 21 worse: more than chance"),
        (1, 0, "1 clip better, 0 worse: may be chance"),
        (0, 0, "no clip better, none worse"),
    ],
)
def test_a_comparison_in_words(better: int, worse: int, words: str) -> None:
    assert str(Comparison(better, worse)) == words


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_paired_test_takes_no_side(better: int, worse: int) -> None:
    p = Comparison(better, worse).p
    assert p == pytest.approx(Comparison(worse, better).p)
    assert 0 < p <= 1
    if better + worse:
        assert p == pytest.approx(min(1, 2 * binomtest(min(better, worse), better + worse, alternative="less").pvalue))


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        ({"prompts": np.zeros((0, 2, 2), np.float32)}, "not empty"),
        ({"vanilla": np.zeros((3, 2), np.float32)}, "do not fit prompts"),
        ({"classes": ("low",)}, "do not fit prompts"),
        ({"targets": np.array([0])}, "one class for each"),
    ],
)
def test_a_table_refuses_what_does_not_fit(shape: dict, complaint: str) -> None:
    fitting = {"audio": AUDIO, "vanilla": SAME, "prompts": RIGHT[None], "targets": TARGETS, "classes": ("low", "high")}
    with pytest.raises(ValueError, match=complaint):
        score_templates(**(fitting | shape))
