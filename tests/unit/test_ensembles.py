"""Each ensemble against its formula, written clip by clip and template by template in float64."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from audioprompt.core.ensembles import DEFAULT, ENSEMBLES, EnsembleError, Evidence
from audioprompt.core.ensembles.prior import prior_shifts
from audioprompt.core.ensembles.weighted import accuracy_weights, entropy_slopes, entropy_weights, score_weights
from audioprompt.core.zero_shot import normalise, predict
from audioprompt.services.evaluate import EmbeddedTask, choose, compare_ensembles, find_ensembles

DIM = 6
few = settings(max_examples=15)


def evidence(seed: int, clips: int = 7, templates: int = 4, labels: int = 3, scale: float = 8.0) -> Evidence:
    rng = np.random.default_rng(seed)
    audio, prompts = rng.standard_normal((clips, DIM)), rng.standard_normal((templates, labels, DIM))
    accuracies = rng.integers(0, 21, templates) / 20
    background = normalise(rng.standard_normal((5, DIM)).astype(np.float32))
    return Evidence(
        normalise(audio.astype(np.float32)), normalise(prompts.astype(np.float32)), scale, accuracies, 20, background
    )


cases = st.builds(
    evidence,
    st.integers(0, 2**32 - 1),
    clips=st.integers(1, 9),
    templates=st.integers(1, 5),
    labels=st.integers(1, 5),
    scale=st.sampled_from([1.0, 10.0, 30.0]),
)


def by_hand(given: Evidence) -> np.ndarray:
    """What each template says of each clip and class."""
    return np.array(
        [
            [[given.logit_scale * float(clip @ prompt) for prompt in template] for clip in given.audio.astype(float)]
            for template in given.prompts.astype(float)
        ]
    )


# --- formulas ---------------------------------------------------------------------------------------------------------


@few
@given(cases)
def test_the_mean_of_embeddings_is_what_predict_says(case: Evidence) -> None:
    labels = [str(label) for label in range(case.prompts.shape[1])]
    expected = predict(case.audio, case.prompts, labels, case.logit_scale).probabilities
    np.testing.assert_allclose(softmax(ENSEMBLES[DEFAULT].combine(case), axis=1), expected, atol=1e-5)


@few
@given(cases)
def test_the_mean_of_logits(case: Evidence) -> None:
    np.testing.assert_allclose(ENSEMBLES["logits"].combine(case), by_hand(case).mean(axis=0), atol=1e-4)


@few
@given(cases)
def test_weights_by_accuracy_are_log_odds_above_chance(case: Evidence) -> None:
    assert case.accuracies is not None
    classes, raw = case.prompts.shape[1], []
    for accuracy in case.accuracies:
        right, wrong = accuracy * 20 + 0.5, (1 - accuracy) * 20 + 0.5
        raw.append(max(math.log(right / wrong * max(classes - 1, 1)), 0))
    weights = [one / sum(raw) for one in raw] if sum(raw) else [1 / len(raw)] * len(raw)
    expected = sum(weight * logits for weight, logits in zip(weights, by_hand(case), strict=True))
    np.testing.assert_allclose(ENSEMBLES["accuracy"].combine(case), expected, atol=1e-4)


@few
@given(cases, st.booleans())
def test_zpe_follows_its_algorithm(case: Evidence, with_background: bool) -> None:
    assert case.background is not None
    logits, scores = by_hand(case), []
    for template, said in zip(case.prompts.astype(float), logits, strict=True):
        usual = [np.mean([clip[label] for clip in said]) for label in range(said.shape[1])]
        if with_background:
            elsewhere = [np.mean(case.logit_scale * (case.background.astype(float) @ prompt)) for prompt in template]
            usual = [(here + there) / 2 for here, there in zip(usual, elsewhere, strict=True)]
        scores.append(np.mean([max(one - its for one, its in zip(clip, usual, strict=True)) for clip in said]))
    weights = softmax(scores)
    used = case if with_background else Evidence(case.audio, case.prompts, case.logit_scale)
    np.testing.assert_allclose(
        ENSEMBLES["zpe"].combine(used), np.tensordot(weights, logits, axes=1), atol=2e-4 * case.logit_scale
    )


@few
@given(cases)
def test_entropy_slopes_are_those_of_the_objective(case: Evidence) -> None:
    """By finite differences of mean entropy and cross-entropy to the first answers."""
    logits = by_hand(Evidence(case.audio, case.prompts, 3.0))
    weights = np.random.default_rng(0).dirichlet(np.ones(len(logits)))
    at_first = softmax(logits.mean(axis=0), axis=1)

    def objective(weights: np.ndarray) -> float:
        said = log_softmax(np.tensordot(weights, logits, axes=1), axis=1)
        return float(-(np.exp(said) * said).sum(axis=1).mean() - (at_first * said).sum(axis=1).mean())

    step = 1e-6 * np.eye(len(weights))
    expected = [(objective(weights + one) - objective(weights - one)) / 2e-6 for one in step]
    np.testing.assert_allclose(entropy_slopes(logits, weights, at_first), expected, atol=1e-6)


@few
@given(cases)
def test_entropy_weights_rest_where_the_objective_is_flat(case: Evidence) -> None:
    logits = by_hand(Evidence(case.audio, case.prompts, 3.0))
    weights = entropy_weights(logits, spread=10.0)
    slopes = entropy_slopes(logits, weights, softmax(logits.mean(axis=0), axis=1))
    np.testing.assert_allclose(weights, softmax(-slopes / 10.0), atol=1e-5)


@few
@given(cases, st.integers(0, 2**32 - 1))
def test_matched_priors_are_the_mean_probabilities(case: Evidence, seed: int) -> None:
    logits = 4 * np.random.default_rng(seed).standard_normal((12, case.prompts.shape[1]))
    prior = np.random.default_rng(seed).dirichlet(5 * np.ones(logits.shape[1])) * 0.9 + 0.1 / logits.shape[1]
    matched = softmax(logits + prior_shifts(logits, prior), axis=1)
    np.testing.assert_allclose(matched.mean(axis=0), prior, atol=0.02)


@few
@given(cases)
def test_too_few_clips_have_no_prior(case: Evidence) -> None:
    few = Evidence(case.audio[:1], case.prompts, case.logit_scale)
    if case.prompts.shape[1] > 0:
        np.testing.assert_array_equal(ENSEMBLES["prior"].combine(few), ENSEMBLES[DEFAULT].combine(few))


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENSEMBLES.names)
@few
@given(case=cases)
def test_shapes_and_orders(name: str, case: Evidence) -> None:
    """Logits of every clip and class, finite, whatever the order of the templates."""
    assert case.accuracies is not None
    found = ENSEMBLES[name].combine(case)
    assert found.shape == (len(case.audio), case.prompts.shape[1]) and np.isfinite(found).all()
    other = Evidence(case.audio, case.prompts[::-1], case.logit_scale, case.accuracies[::-1], 20, case.background)
    np.testing.assert_allclose(ENSEMBLES[name].combine(other), found, atol=2e-3 * case.logit_scale)


@pytest.mark.parametrize("name", [name for name in ENSEMBLES.names if name != "prior"])
@few
@given(case=cases)
def test_one_template_is_vanilla_and_equal_ones_are_one(name: str, case: Evidence) -> None:
    alone = case.logit_scale * case.audio @ case.prompts[0].T
    for count in (1, 3):
        same = Evidence(
            case.audio, np.repeat(case.prompts[:1], count, axis=0), case.logit_scale, np.full(count, 0.7), 9
        )
        np.testing.assert_allclose(ENSEMBLES[name].combine(same), alone, atol=1e-3)


@pytest.mark.parametrize(
    ("weights", "args"),
    [
        (accuracy_weights, (np.array([0.2, 0.9, 1.0]), 10, 4)),
        (score_weights, (evidence(1).logits,)),
        (entropy_weights, (evidence(1, scale=100).logits,)),
    ],
)
def test_weights_are_shares(weights: object, args: tuple[object, ...]) -> None:
    found = weights(*args)  # type: ignore[operator]
    assert (found >= 0).all() and found.sum() == pytest.approx(1)


def test_what_does_not_fit_is_said() -> None:
    case = evidence(0)
    for audio, prompts, extra, sentence in (
        (case.audio[:, :2], case.prompts, {}, r"Audio must be \[clips, 6\]"),
        (case.audio[:0], case.prompts, {}, "not empty"),
        (case.audio, case.prompts[:0], {}, "Prompts must be"),
        (case.audio, case.prompts, {"accuracies": np.ones(2)}, "4 templates need as many"),
        (case.audio, case.prompts, {"prior": np.ones(2)}, "3 classes need a prior"),
        (case.audio, case.prompts, {"prior": np.ones(3)}, "positive and add up to 1"),
    ):
        with pytest.raises(EnsembleError, match=sentence):
            Evidence(audio, prompts, 1.0, **extra)  # type: ignore[arg-type]
    with pytest.raises(EnsembleError, match="needs labelled clips"):
        ENSEMBLES["accuracy"].combine(Evidence(case.audio, case.prompts, 1.0))
    with pytest.raises(EnsembleError, match="no ensemble called 'votes'"):
        find_ensembles("votes")


# --- on labelled clips ------------------------------------------------------------------------------------------------


def task(seed: int, clips: int = 24, groups: int = 12) -> EmbeddedTask:
    """Two templates: the first names each clip's class, the second the next class."""
    targets = np.arange(clips) % 4
    prompts = np.stack([np.eye(4, DIM), np.roll(np.eye(4, DIM), 1, axis=0)]).astype(np.float32)
    audio = np.eye(4, DIM)[targets] + 0.1 * np.random.default_rng(seed).standard_normal((clips, DIM))
    names = [str(number % groups) for number in range(clips)]
    return EmbeddedTask(normalise(audio.astype(np.float32)), prompts[0], prompts, targets, names, 10.0)


@few
@given(st.integers(0, 100))
def test_accuracy_is_learned_from_other_recordings(seed: int) -> None:
    """A template that is always wrong has no weight, though alone it would halve the mean."""
    chosen = choose(ENSEMBLES["accuracy"], task(seed))
    assert (chosen == task(seed).targets).all()


def test_one_recording_teaches_nothing_about_itself() -> None:
    lone = task(0, groups=1)
    mean = choose(ENSEMBLES["logits"], lone)
    assert (choose(ENSEMBLES["accuracy"], lone) == mean).all()


def test_ensembles_are_compared_clip_by_clip() -> None:
    found = compare_ensembles(find_ensembles("all"), task(3))
    assert [one.ensemble.name for one in found] == list(ENSEMBLES.names)
    assert [one.against_mean is None for one in found] == [name == DEFAULT for name in ENSEMBLES.names]
    by_name = {one.ensemble.name: one for one in found}
    assert by_name["accuracy"].score.accuracy == 1 and by_name["accuracy"].against_vanilla.worse == 0
