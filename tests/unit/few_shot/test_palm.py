"""PALM against its formulas, written out in double precision with gradients derived by hand."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.core.zero_shot import Array, normalise
from audioprompt.few_shot.base import Epoch
from audioprompt.few_shot.descent import batches
from audioprompt.few_shot.methods.palm import Palm, PalmDagger
from audioprompt.few_shot.methods.zero_shot import ZeroShot
from audioprompt.few_shot.settings import FewShotError, FitSettings
from tests.unit.few_shot.towers import NAMES, clusters


def by_hand(
    audio: Array, targets: np.ndarray, start: Array, context: Array | None, gate: Array, settings: FitSettings
) -> Iterator[tuple[float, float, np.ndarray, np.ndarray]]:
    """Loss, accuracy, context and gate after each epoch, as the paper's formulas give them."""
    a, f, gate = audio.astype(np.float64), start.astype(np.float64), gate.astype(np.float64)
    z = np.zeros_like(f) if context is None else context.astype(np.float64)
    speed_z, speed_l = np.zeros_like(z), np.zeros_like(gate)
    order = np.random.default_rng([settings.random_state, 1])
    while True:
        loss = right = 0.0
        for batch in batches(len(a), settings.batch_size, order):
            rows = batch.numpy()
            share = 1 / (1 + np.exp(-gate))[:, None]
            mixed = (1 - share) * f + share * z
            length = np.linalg.norm(mixed, axis=1, keepdims=True)
            unit = mixed / length
            logits = 100 * a[rows] @ unit.T
            chances = np.exp(logits - logits.max(axis=1, keepdims=True))
            chances /= chances.sum(axis=1, keepdims=True)
            loss -= np.log(chances[np.arange(len(rows)), targets[rows]]).sum()
            right += (logits.argmax(axis=1) == targets[rows]).sum()
            error = (chances - np.eye(len(f))[targets[rows]]) / len(rows)
            by_unit = 100 * error.T @ a[rows]
            by_mixed = (by_unit - (by_unit * unit).sum(axis=1, keepdims=True) * unit) / length
            by_z = share * by_mixed
            by_l = (by_mixed * (z - f)).sum(axis=1) * (share * (1 - share))[:, 0]
            speed_z, speed_l = settings.momentum * speed_z + by_z, settings.momentum * speed_l + by_l
            if context is not None:
                z = z - settings.learning_rate * speed_z
            gate = gate - settings.learning_rate * speed_l
        yield loss / len(a), right / len(a), z, gate


@pytest.mark.parametrize(("rate", "batch"), [(0.05, 16), (0.05, 7), (0.01, 100)])
@pytest.mark.slow
def test_every_epoch_is_the_formulas(rate: float, batch: int) -> None:
    audio, targets, centres = clusters(classes=5, each=16, dim=32, spread=0.9)
    start = normalise(centres + clusters(classes=5, dim=32, seed=9)[2])  # between right and wrong
    settings = FitSettings.of_recipe("paper", learning_rate=rate, batch_size=batch, random_state=3)
    head = Palm(NAMES[:5], start, settings)
    begun = head.initial(np.random.default_rng([settings.random_state, 0]), 32)
    expected = by_hand(audio, targets, start, begun["context"], begun["gate"], settings)
    seen = []

    def compare(epoch: Epoch) -> None:
        loss, accuracy, context, gate = next(expected)
        assert epoch.loss == pytest.approx(loss, abs=1e-5)
        assert epoch.accuracy == pytest.approx(accuracy)
        np.testing.assert_allclose(head.state["context"], context, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(head.state["gate"], gate, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(head.gates, 1 / (1 + np.exp(-gate)), atol=1e-5)
        seen.append(epoch.number)

    head.fit(audio, targets, compare)
    assert seen == list(range(1, 51))
    assert head.history[-1].loss < 0.5 * head.history[0].loss  # there was something to learn


def test_the_dagger_is_the_formulas_without_a_context() -> None:
    audio, targets, centres = clusters(dim=16)
    start = normalise(centres + clusters(dim=16, seed=9)[2])
    settings = FitSettings.of_recipe("paper", epochs=50)
    head = PalmDagger(NAMES[:4], start, settings)
    begun = head.initial(np.random.default_rng([0, 0]), 16)
    assert set(begun) == {"gate"}
    expected = by_hand(audio, targets, start, None, begun["gate"], settings)

    def compare(epoch: Epoch) -> None:
        loss, _, _, gate = next(expected)
        assert epoch.loss == pytest.approx(loss, abs=1e-5)
        np.testing.assert_allclose(head.state["gate"], gate, atol=1e-5, rtol=1e-5)

    head.fit(audio, targets, compare)
    np.testing.assert_allclose(np.asarray(head.weights), start, atol=1e-6)


@pytest.mark.parametrize("classes", [4, 50])
def test_as_many_numbers_are_learned_as_in_the_paper(classes: int) -> None:
    start = clusters(classes=classes, dim=1024)[2]
    names = [f"class {number}" for number in range(classes)]
    assert Palm(names, start).learnable(1024) == 1_025 * classes
    assert PalmDagger(names, start).learnable(1024) == classes


def test_what_is_learned_starts_as_in_the_paper() -> None:
    start = clusters(classes=50, dim=1024)[2]
    begun = Palm([str(number) for number in range(50)], start).initial(np.random.default_rng(1), 1024)
    assert begun["context"].std() == pytest.approx(0.02, rel=0.02)
    assert abs(begun["context"].mean()) < 3e-4
    assert 0 <= begun["gate"].min() < 0.1 and 0.9 < begun["gate"].max() <= 1


def test_beats_what_it_starts_from_and_the_dagger() -> None:
    audio, targets, centres = clusters(classes=6, each=40, dim=64, spread=1.5)
    start = normalise(centres + 4 * clusters(classes=6, dim=64, seed=5)[2])  # texts that half miss their sounds
    shown, asked = slice(0, 96), slice(96, None)
    scores = {}
    for head in (ZeroShot(NAMES, start), PalmDagger(NAMES, start), Palm(NAMES, start)):
        scores[head.method] = head.fit(audio[shown], targets[shown]).score(audio[asked], targets[asked])
    assert scores["palm"] > scores["zero-shot"] + 0.05
    assert scores["palm-dagger"] == scores["zero-shot"]


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 20))
def test_class_weights_are_the_gated_mean(seed: int, classes: int, dim: int) -> None:
    start = clusters(classes=classes, dim=dim, seed=seed)[2]
    head = Palm(NAMES[:classes], start)
    rng = np.random.default_rng(seed)
    head.state = {"start": start, **head.initial(rng, dim)}
    gate = 1 / (1 + np.exp(-head.state["gate"].astype(np.float64)))[:, None]
    mixed = (1 - gate) * start + gate * head.state["context"]
    np.testing.assert_allclose(
        np.asarray(head.weights), mixed / np.linalg.norm(mixed, axis=1, keepdims=True), atol=1e-5
    )
    np.testing.assert_allclose(head.gates, gate[:, 0], atol=1e-6)


def test_only_context_and_gate_change() -> None:
    audio, targets, centres = clusters()
    given_audio, given_start = audio.copy(), centres.copy()
    centres.flags.writeable = audio.flags.writeable = False
    head = Palm(NAMES[:4], centres, FitSettings(epochs=2)).fit(audio, targets)
    assert set(head.state) == {"start", "context", "gate"}
    np.testing.assert_array_equal(head.state["start"], given_start)
    np.testing.assert_array_equal(audio, given_audio)
    begun = head.initial(np.random.default_rng([0, 0]), 12)
    for name, value in begun.items():
        assert (head.state[name] != value).any()


def test_a_fit_leaves_torchs_threads_as_they_were() -> None:
    before = torch.get_num_threads()
    inside = []
    audio, targets, centres = clusters()
    Palm(NAMES[:4], centres, FitSettings(epochs=1)).fit(
        audio, targets, lambda _: inside.append(torch.get_num_threads())
    )
    assert inside == [1]
    assert torch.get_num_threads() == before


def test_a_start_for_other_classes_is_refused() -> None:
    with pytest.raises(FewShotError, match="3 classes, but 4 embeddings"):
        Palm(NAMES[:3], clusters()[2])


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_a_fit_begins_at_the_mean_clips_trusted_as_far_as_there_are_clips(seed: int, given_targets: list[int]) -> None:
    targets = np.array(given_targets)
    rng = np.random.default_rng(seed)
    audio = normalise(rng.standard_normal((len(targets), 12)).astype(np.float32))
    head = Palm(NAMES[:4], clusters()[2])
    begun = head.begin(head.initial(rng, 12), audio, targets)
    for label in range(4):
        clips = audio[targets == label]
        share = 1 / (1 + np.exp(-begun["gate"][label]))
        assert share == pytest.approx(len(clips) / (len(clips) + 2), abs=1e-3)
        if len(clips):
            np.testing.assert_allclose(begun["context"][label], clips.mean(axis=0), atol=1e-6)
