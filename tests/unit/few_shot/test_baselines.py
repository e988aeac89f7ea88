"""The yardsticks against scikit-learn and against their formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from audioprompt.core.zero_shot import ensemble_weights, normalise, predict
from audioprompt.few_shot.methods.linear_probe import LinearProbe
from audioprompt.few_shot.methods.tip_adapter import TipAdapter
from audioprompt.few_shot.methods.tspe import Tspe
from audioprompt.few_shot.methods.zero_shot import ZeroShot
from audioprompt.few_shot.settings import FewShotError
from tests.unit.few_shot.towers import NAMES, clusters


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.sampled_from([0.01, 1.0, 30.0]))
def test_the_probe_is_scikit_learns(seed: int, classes: int, strength: float) -> None:
    audio, targets, _ = clusters(classes=classes, dim=8, seed=seed)
    audio[:, 3] = 0.25  # a dimension that says nothing
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1_000)).fit(audio, targets)
    ours = LinearProbe(NAMES[:classes], strength).fit(audio, targets)
    np.testing.assert_allclose(ours.predict_proba(audio), theirs.predict_proba(audio), atol=1e-5)
    assert ours.score(audio, targets) == pytest.approx(theirs.score(audio, targets), abs=0.03)


@given(st.integers(0, 2**32 - 1), st.floats(0, 3), st.floats(0.1, 20))
def test_tip_adapter_is_its_formula(seed: int, alpha: float, beta: float) -> None:
    audio, targets, centres = clusters(seed=seed)
    shown, asked = slice(0, 20), slice(20, None)
    head = TipAdapter(NAMES[:4], centres, alpha, beta, logit_scale=30).fit(audio[shown], targets[shown])
    expected = [
        [
            30 * float(clip @ centres[label])
            + alpha * sum(np.exp(-beta * (1 - clip @ key)) for key in audio[shown][targets[shown] == label])
            for label in range(4)
        ]
        for clip in audio[asked].astype(np.float64)
    ]
    np.testing.assert_allclose(head.logits(audio[asked]), expected, atol=1e-4)


def test_tip_adapter_without_votes_is_zero_shot() -> None:
    audio, targets, centres = clusters()
    tip = TipAdapter(NAMES[:4], centres, alpha=0).fit(audio, targets)
    np.testing.assert_array_equal(tip.predict(audio), ZeroShot(NAMES[:4], centres).predict(audio))


def test_tip_adapter_lets_clips_count_where_they_know_better() -> None:
    audio, targets, centres = clusters()
    shown, asked = slice(0, 20), slice(20, None)
    wrong = np.roll(centres, 1, axis=0)  # the text says another class each time
    left = ZeroShot(NAMES[:4], wrong, 10).score(audio[asked], targets[asked])
    tip = TipAdapter(NAMES[:4], wrong, logit_scale=10).fit(audio[shown], targets[shown])
    assert tip.score(audio[asked], targets[asked]) > left + 0.5
    right = TipAdapter(NAMES[:4], centres, logit_scale=10).fit(audio[shown], targets[shown])
    assert right.score(audio[asked], targets[asked]) >= ZeroShot(NAMES[:4], centres).score(audio[asked], targets[asked])


def test_tip_adapter_with_one_clip_per_class_has_nothing_to_choose_by() -> None:
    audio, targets, centres = clusters()
    one_each = [int(np.flatnonzero(targets == label)[0]) for label in range(4)]
    tip = TipAdapter(NAMES[:4], centres).fit(audio[one_each], targets[one_each])
    np.testing.assert_array_equal(tip.state["pair"], [1.0, 5.5])


def test_zero_shot_and_tspe_answer_as_prompts_do() -> None:
    audio, targets, _ = clusters()
    rng = np.random.default_rng(1)
    prompts = normalise(rng.standard_normal((5, 4, 12)).astype(np.float32))
    for head, some in (
        (ZeroShot(NAMES[:4], prompts[0], 15), prompts[:1]),
        (Tspe(NAMES[:4], ensemble_weights(prompts), 15), prompts),
    ):
        expected = predict(audio, some, NAMES[:4], 15)
        np.testing.assert_allclose(head.fit(audio, targets).predict_proba(audio), expected.probabilities, atol=1e-5)
        assert head.history == ()


def test_weights_for_other_classes_are_refused() -> None:
    with pytest.raises(FewShotError, match="3 classes, but 4 class weights"):
        ZeroShot(NAMES[:3], clusters()[2])
