"""The methods that begin at the words, against their formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioprompt.core.words_and_clips import join
from audioprompt.core.zero_shot import Array, normalise, softmax
from audioprompt.few_shot.base import Head
from audioprompt.few_shot.from_words import FromWords
from audioprompt.few_shot.methods import kernel_ridge
from audioprompt.few_shot.methods.clap_probe import ClapProbe, fit_probe
from audioprompt.few_shot.methods.gda import Gda, apply_precision, class_means
from audioprompt.few_shot.methods.kernel_ridge import KernelRidge, kernel, solve_ridge
from audioprompt.few_shot.methods.tip_adapter import TipAdapter
from audioprompt.few_shot.methods.treff_adapter import TreffAdapter
from audioprompt.few_shot.methods.words_as_clips import WordsAsClips
from audioprompt.few_shot.methods.words_probe import WordsProbe
from audioprompt.few_shot.methods.zero_shot import ZeroShot
from audioprompt.few_shot.settings import FewShotError
from tests.unit.few_shot.towers import NAMES, clusters

CLASSES = NAMES[:4]
AUDIO, TARGETS, CENTRES = clusters()
SEEDS = st.integers(0, 2**32 - 1)
METHODS = (WordsAsClips, WordsProbe, Gda, ClapProbe, KernelRidge, TreffAdapter)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "rows",
    [[0], [0, 1], [0, 0, 0], [0, 4, 8, 12], [0, 1, 2, 3], [0, 0, 1, 1, 2, 2, 3, 3], list(range(40))],
    ids=["one clip", "two classes", "identical clips", "one class", "one each", "pairs of identical clips", "ten each"],
)
def test_any_clips_will_do_and_none_makes_it_much_worse_than_the_words(
    method: type[FromWords], rows: list[int]
) -> None:
    head = method(CLASSES, CENTRES, 20).fit(AUDIO[rows], TARGETS[rows])
    assert np.isfinite(head.logits(AUDIO)).all()
    assert head.score(AUDIO, TARGETS) >= ZeroShot(CLASSES, CENTRES).score(AUDIO, TARGETS) - 0.15


@pytest.mark.parametrize("method", METHODS)
def test_clips_mend_words_that_are_wrong(method: type[FromWords]) -> None:
    wrong = np.roll(CENTRES, 1, axis=0)
    head = method(CLASSES, wrong, 5, 1).fit(AUDIO[:20], TARGETS[:20])
    assert head.score(AUDIO[20:], TARGETS[20:]) > ZeroShot(CLASSES, wrong).score(AUDIO[20:], TARGETS[20:]) + 0.3


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(8, 24))
@pytest.mark.parametrize("name", ["counts itself", "gda", "kernel-ridge", "tip-adapter", "treff-adapter"])
def test_a_settled_head_chooses_nothing_anew(name: str, seed: int, clips: int) -> None:
    heads: dict[str, Head] = {
        "counts itself": WordsAsClips(CLASSES, CENTRES, 20, words=0),
        "gda": Gda(CLASSES, CENTRES, 20),
        "kernel-ridge": KernelRidge(CLASSES, CENTRES, 20),
        "tip-adapter": TipAdapter(CLASSES, CENTRES, logit_scale=20),
        "treff-adapter": TreffAdapter(CLASSES, CENTRES, 20),
    }
    chosen = {"counts itself": "words", "gda": "count", "kernel-ridge": "kernel"}.get(name, "pair")
    head, rng = heads[name], np.random.default_rng(seed)
    rows = rng.permutation(40)
    head.fit(AUDIO[rows[:clips]], TARGETS[rows[:clips]])
    settled = head.settled().fit(AUDIO[rows[:clips]], TARGETS[rows[:clips]])
    np.testing.assert_allclose(settled.logits(AUDIO), head.logits(AUDIO), rtol=1e-3, atol=1e-4)
    settled.fit(AUDIO[rows], rng.permutation(TARGETS))  # for which it would choose otherwise
    np.testing.assert_allclose(settled.state[chosen], head.state[chosen], rtol=1e-5)


@given(SEEDS, st.integers(2, 30), st.integers(2, 12))
def test_the_precision_is_the_shrunk_covariances_inverse(seed: int, clips: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    scatter, vectors = (rng.standard_normal((rows, dim)).astype(np.float32) for rows in (clips, 3))
    precision = np.linalg.inv(scatter.T @ scatter + np.trace(scatter.T @ scatter) / 5 * np.eye(dim))
    expected = vectors @ precision * dim / np.trace(precision)
    found = apply_precision(vectors, scatter, 5)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_array_equal(apply_precision(vectors, 0 * scatter, 5), vectors)


def test_gaussians_stand_beside_the_words() -> None:
    head = Gda(CLASSES, CENTRES, 20).fit(AUDIO, TARGETS)
    means = np.stack([AUDIO[label == TARGETS].mean(axis=0) for label in range(4)])
    np.testing.assert_allclose(class_means(CENTRES, AUDIO, TARGETS), means, atol=1e-6)
    weights = apply_precision(means, AUDIO - means[TARGETS], 36)
    by_clips = AUDIO @ weights.T - (means * weights).sum(axis=1) / 2
    rest = head.logits(AUDIO) / 20 - AUDIO @ CENTRES.T
    ratio = (rest / by_clips)[np.abs(by_clips) > 0.1]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-2)


def test_a_class_without_a_clip_lies_from_the_others_as_its_words_do() -> None:
    means = class_means(CENTRES, AUDIO, np.minimum(TARGETS, 2))
    np.testing.assert_allclose(means[3] - means[:3].mean(axis=0), CENTRES[3] - CENTRES[:3].mean(axis=0), atol=1e-5)


@settings(max_examples=10)
@given(SEEDS, st.floats(0.1, 3))
def test_a_probe_is_where_its_loss_is_flat(seed: int, hold: float) -> None:
    audio, targets, begin = clusters(seed=seed)
    weights = fit_probe(begin, np.full(4, hold), audio, targets, 5).astype(np.float64)
    slope = (softmax(5 * audio @ weights.T) - np.eye(4)[targets]).T @ audio + hold * (weights - begin)
    assert np.abs(slope).max() < 0.05


def test_the_adaptive_probe_holds_a_class_whose_words_do_well() -> None:
    texts = CENTRES.copy()
    texts[3] = -texts[3]
    moved = np.linalg.norm(ClapProbe(CLASSES, texts, 20).fit(AUDIO, TARGETS).weights - texts, axis=1)
    assert moved[3] > 2 * moved[:3].max()


def test_a_probe_held_firmly_stays_at_words_as_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audioprompt.few_shot.methods.words_probe.HOLD", 1e6)
    head = WordsProbe(CLASSES, CENTRES, 20, 3).fit(AUDIO, TARGETS)
    np.testing.assert_allclose(head.weights, join(CENTRES, AUDIO, TARGETS, 3), atol=1e-3)


@given(SEEDS, st.floats(0.05, 3))
def test_leaving_out_of_a_ridge_is_exact(seed: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    audio = normalise(rng.standard_normal((9, 5)).astype(np.float32))
    values, alike = rng.standard_normal((9, 2)).astype(np.float32), kernel(audio, audio, 2)
    coefficients, left_out = solve_ridge(alike, ridge, values)
    np.testing.assert_allclose((alike + ridge * np.eye(9)) @ coefficients, values, atol=1e-3)
    for row in range(9):
        others = np.arange(9) != row
        alone = np.linalg.solve(alike[np.ix_(others, others)] + ridge * np.eye(8), values[others])
        np.testing.assert_allclose(left_out[row], alike[row, others] @ alone, atol=1e-3)


def test_a_clip_unlike_any_other_is_judged_by_the_words() -> None:
    head = KernelRidge(CLASSES, CENTRES, 20).fit(AUDIO, TARGETS)
    head.state = {**head.state, "kernel": np.array([1e4, 1], np.float32)}
    far: Array = normalise(-AUDIO.mean(axis=0, keepdims=True))
    np.testing.assert_allclose(head.logits(far), softmax(20 * far @ CENTRES.T), atol=1e-4)


def test_too_many_clips_to_compare_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_ridge, "MAX_CLIPS", 39)
    with pytest.raises(FewShotError, match="40 clips are too many for kernel-ridge, which takes 39"):
        KernelRidge(CLASSES, CENTRES).fit(AUDIO, TARGETS)


def test_attention_is_the_formula() -> None:
    head = TreffAdapter(CLASSES, CENTRES, 20).fit(AUDIO[:20], TARGETS[:20])
    share, sharpness = head.state["pair"]
    near = softmax(sharpness * AUDIO @ head.state["turn"] @ AUDIO[:20].T)
    expected = 20 * AUDIO @ CENTRES.T + share * near @ np.eye(4)[TARGETS[:20]]
    np.testing.assert_allclose(head.logits(AUDIO), expected, atol=1e-3)
    alone = TreffAdapter(CLASSES, CENTRES, 20).fit(AUDIO[:4], TARGETS[:4])
    np.testing.assert_array_equal(alone.state["turn"], np.eye(12))  # no clip has another to attend to
