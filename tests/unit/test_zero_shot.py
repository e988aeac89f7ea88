"""Templates x labels -> weights -> predictions.

The oracle is open_clip's ``build_zero_shot_classifier``, given the very same features.
"""

import importlib.util
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax as scipy_softmax
from torch import Tensor

from audioprompt.core.zero_shot import (
    Array,
    accuracy,
    cosines,
    ensemble_weights,
    normalise,
    predict,
    softmax,
)
from audioprompt.encoding.encoder import embed_prompts
from audioprompt.prompts.template import Template

DIM = 12
TEMPLATES = ["{}", "the sound of {}", "A faint sound of {} can be heard", "{} sound", "I can hear a {}"]
LABELS = ["owl", "rain", "dog bark", "hour glass", "{braces} & <tags>", "雨"]


def features_of(text: str) -> np.ndarray:
    """A vector that depends on the text alone, far from unit length."""
    return 3 * np.random.default_rng(zlib.crc32(text.encode())).standard_normal(DIM).astype(np.float32) + 1


class Model:
    """Reads texts as `features_of` has them."""

    name, revision, device, sample_rate, window_seconds = "features", "1", "cpu", 1_000, 1.0
    dim, logit_scale = DIM, 10.0
    text: Any = None

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        return torch.from_numpy(normalise(np.stack([features_of(text) for text in texts])))

    def embed_audio(self, windows: Tensor) -> Tensor:
        raise NotImplementedError


def random_case(seed: int, clips: int = 7, templates: int = 4, labels: int = 5) -> tuple[Array, Array]:
    """Unit vectors: audio ``[N, D]`` and prompts ``[K, C, D]``."""
    rng = np.random.default_rng(seed)
    audio = rng.standard_normal((clips, DIM)).astype(np.float32)
    prompts = rng.standard_normal((templates, labels, DIM)).astype(np.float32)
    return normalise(audio), normalise(prompts)


seeds = st.integers(0, 2**32 - 1)
sizes = st.fixed_dictionaries(
    {"seed": seeds, "clips": st.integers(1, 9), "templates": st.integers(1, 6), "labels": st.integers(1, 7)}
)

# --- open_clip --------------------------------------------------------------------------------------------------------


@cache
def build_zero_shot_classifier() -> Callable[..., Tensor]:
    """open_clip's function, loaded from its file: the package itself wants torchvision."""
    package = importlib.util.find_spec("open_clip")
    if package is None or not package.submodule_search_locations:
        pytest.skip("open_clip_torch is not installed")
    path = Path(package.submodule_search_locations[0]) / "zero_shot_classifier.py"
    spec = importlib.util.spec_from_file_location("open_clip_zero_shot_classifier", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build_zero_shot_classifier


def open_clip_weights(labels: list[str], templates: list[Any], classes_per_batch: int | None = 10) -> np.ndarray:
    """What open_clip makes of `features_of` the same texts, ``[D, C]``."""
    texts: list[str] = []

    def tokenizer(batch: list[str]) -> Tensor:
        texts.extend(batch)
        return torch.arange(len(texts) - len(batch), len(texts))

    def encode_text(ids: Tensor, normalize: bool) -> Tensor:
        features = torch.from_numpy(np.stack([features_of(texts[index]) for index in ids]))
        return torch.nn.functional.normalize(features, dim=-1) if normalize else features

    model = SimpleNamespace(encode_text=encode_text)
    weights = build_zero_shot_classifier()(model, tokenizer, labels, templates, num_classes_per_batch=classes_per_batch)
    return weights.numpy()


@pytest.mark.parametrize("count", [1, 2, len(TEMPLATES)])
def test_weights_are_open_clips(count: int) -> None:
    templates = [Template.parse(text) for text in TEMPLATES[:count]]
    ours = ensemble_weights(embed_prompts(Model(), templates, LABELS))
    theirs = open_clip_weights(LABELS, [template.fill for template in templates], classes_per_batch=4)
    assert ours.shape == (len(LABELS), DIM)
    np.testing.assert_allclose(ours.T, theirs, atol=1e-6)


def test_a_packs_strings_give_open_clip_the_same_weights() -> None:
    templates = [Template.parse(text) for text in TEMPLATES]
    labels = ["rain", "dog bark", "cough"]  # that take "a", as the strings say it
    ours = ensemble_weights(embed_prompts(Model(), templates, labels))
    theirs = open_clip_weights(labels, [template.as_string() for template in templates])
    np.testing.assert_allclose(ours.T, theirs, atol=1e-6)


# --- ensembles --------------------------------------------------------------------------------------------------------


@given(sizes)
def test_weights_have_unit_length(size: dict[str, int]) -> None:
    _, prompts = random_case(**size)
    weights = ensemble_weights(prompts)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(weights, axis=-1), 1, atol=1e-5)


@given(sizes, st.randoms())
def test_the_order_of_templates_changes_nothing(size: dict[str, int], random: Any) -> None:
    audio, prompts = random_case(**size)
    order = list(range(len(prompts)))
    random.shuffle(order)
    labels = [str(label) for label in range(prompts.shape[1])]
    one, other = predict(audio, prompts, labels, 10.0), predict(audio, prompts[order], labels, 10.0)
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
    assert (one.votes[order] == other.votes).all()


@given(sizes)
def test_an_ensemble_of_one_is_vanilla(size: dict[str, int]) -> None:
    audio, prompts = random_case(**{**size, "templates": 1})
    labels = [str(label) for label in range(prompts.shape[1])]
    alone = softmax(10 * cosines(audio, prompts[0]))
    prediction = predict(audio, prompts, labels, 10.0)
    np.testing.assert_allclose(prediction.probabilities, alone, atol=1e-5)
    assert (prediction.votes[0] == alone.argmax(axis=1)).all()


@given(sizes)
def test_predictions_follow_their_formula(size: dict[str, int]) -> None:
    """In float64 and clip by clip, as one would write them on paper."""
    audio, prompts = random_case(**size)
    labels = [str(label) for label in range(prompts.shape[1])]
    mean = prompts.astype(np.float64).mean(axis=0)
    probabilities = predict(audio, prompts, labels, 25.0).probabilities
    for clip, heard in enumerate(audio.astype(np.float64)):
        cosine = [heard @ weight / np.linalg.norm(weight) for weight in mean]
        np.testing.assert_allclose(probabilities[clip], scipy_softmax(25 * np.array(cosine)), atol=1e-5)


@given(sizes)
def test_probabilities_sum_to_one_and_votes_are_those_of_the_single_templates(size: dict[str, int]) -> None:
    audio, prompts = random_case(**size)
    labels = [f"label {label}" for label in range(prompts.shape[1])]
    prediction = predict(audio, prompts, labels, 100.0)
    assert prediction.labels == tuple(labels)
    assert prediction.probabilities.shape == (len(audio), len(labels))
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (prediction.winners == prediction.probabilities.argmax(axis=1)).all()
    assert prediction.votes.shape == (len(prompts), len(audio))
    for weights, votes in zip(prompts, prediction.votes, strict=True):
        assert (votes == cosines(audio, weights).argmax(axis=1)).all()
    for clip in range(len(audio)):
        tally = prediction.tally(clip)
        assert tally.shape == (len(labels),) and tally.sum() == len(prompts)
        assert all(tally[label] == (prediction.votes[:, clip] == label).sum() for label in range(len(labels)))


def test_a_unanimous_vote_can_lose_to_nobody() -> None:
    """Where all templates are the same, ensemble and votes are one."""
    audio, prompts = random_case(3, templates=1)
    prediction = predict(audio, np.repeat(prompts, 5, axis=0), list("abcde"), 10.0)
    assert all(prediction.tally(clip)[prediction.winners[clip]] == 5 for clip in range(len(audio)))


@pytest.mark.parametrize(
    ("audio", "prompts", "labels", "message"),
    [
        ((3, 4), (2, 4), 2, "prompts must be"),
        ((3, 4), (0, 2, 4), 2, "prompts must be"),
        ((3, 4), (2, 0, 4), 0, "prompts must be"),
        ((4,), (2, 3, 4), 3, r"audio must be \[clips, 4\]"),
        ((3, 5), (2, 3, 4), 3, r"audio must be \[clips, 4\]"),
        ((3, 4), (2, 3, 4), 2, "2 labels, but prompts for 3 classes"),
    ],
)
def test_shapes_that_do_not_fit(audio: tuple[int, ...], prompts: tuple[int, ...], labels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predict(np.ones(audio, np.float32), np.ones(prompts, np.float32), ["x"] * labels, 1.0)


# --- arithmetic -------------------------------------------------------------------------------------------------------


def test_a_zero_vector_stays_zero() -> None:
    assert normalise(np.zeros((2, 3), np.float32)).tolist() == [[0, 0, 0]] * 2


@given(seeds)
def test_cosines_take_one_matrix_or_one_per_template(seed: int) -> None:
    audio, prompts = random_case(seed)
    each = cosines(audio, prompts)
    assert each.shape == (4, 7, 5)
    for template, weights in enumerate(prompts):
        np.testing.assert_allclose(each[template], cosines(audio, weights), atol=1e-6)
    assert (np.abs(each) <= 1 + 1e-5).all()


@given(seeds, st.floats(-1e4, 1e4))
def test_softmax(seed: int, shift: float) -> None:
    logits = (1_000 * np.random.default_rng(seed).standard_normal((3, 6))).astype(np.float32)
    np.testing.assert_allclose(softmax(logits), scipy_softmax(logits, axis=-1), atol=1e-6)
    np.testing.assert_allclose(softmax(logits + np.float32(shift)), softmax(logits), atol=1e-2)


def test_accuracy() -> None:
    assert accuracy(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 0])) == 0.5
