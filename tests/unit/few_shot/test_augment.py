"""Dropout on cached features, and a batch norm estimated anew."""

import copy
from typing import cast

import numpy as np
import pytest
import torch

from audioprompt.core.zero_shot import Array, normalise
from audioprompt.encoding.clips import embed_clips, features_of_clips
from audioprompt.encoding.encoder import pooled
from audioprompt.few_shot.augment import dropout, with_batch_norm_of
from audioprompt.few_shot.methods.palm import Palm
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.models.embedded import EmbeddedModel
from tests.unit.few_shot.towers import NAMES, clusters

AUDIO, TARGETS, CENTRES = clusters()


def palm() -> Palm:
    return Palm(NAMES[:4], CENTRES, FitSettings(epochs=5))


def project(features: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(features[:, :12], dim=-1)


def one_window(audio: Array) -> list[Array]:
    return list(audio[:, None])


@pytest.fixture(scope="module")
def model() -> EmbeddedModel:
    """The bundled model with a batch norm behind its first convolution, which other models have there."""
    model = EmbeddedModel()
    first = cast(torch.nn.Sequential, model.audio.net[0])
    norm = torch.nn.BatchNorm2d(cast(torch.nn.Conv2d, first[0]).out_channels).eval().requires_grad_(False)
    model.audio.net[0] = torch.nn.Sequential(first[0], norm, first[1])
    return model


@pytest.fixture(scope="module")
def sounds() -> list[tuple[int, Array]]:
    rng = np.random.default_rng(0)
    return [(32_000, (level * rng.standard_normal(32_000 * 7)).astype(np.float32)) for level in (0.01, 0.1, 0.2)]


# --- dropout ----------------------------------------------------------------------------------------------------------


def test_dropout_of_nothing_is_the_clips_themselves() -> None:
    plain = palm().fit(AUDIO, TARGETS)
    dropped = palm().fit(AUDIO, TARGETS, augment=dropout(one_window(3 * AUDIO), project, fraction=0))
    np.testing.assert_allclose(dropped.state["context"], plain.state["context"], atol=1e-5)


@pytest.mark.slow
def test_dropout_of_nothing_is_what_the_model_hears(model: EmbeddedModel, sounds: list[tuple[int, Array]]) -> None:
    """Clips of several windows each: their embeddings are the normalised means of their windows'."""
    hear = dropout(features_of_clips(model, sounds), model.project_audio, fraction=0)
    np.testing.assert_allclose(hear(torch.tensor([2, 0])), pooled(embed_clips(model, sounds))[[2, 0]], atol=1e-5)


def test_dropout_drops_its_share_and_keeps_the_sum() -> None:
    features = one_window(np.ones((2, 10_000), np.float32))
    seen: list[torch.Tensor] = []

    def watched(dropped: torch.Tensor) -> torch.Tensor:
        seen.append(dropped)
        return dropped

    hear = dropout(features, watched, fraction=0.3)
    hear(torch.tensor([0, 1]))
    hear(torch.tensor([0, 1]))
    first, second = seen
    assert (first != second).any()
    assert (first == 0).float().mean() == pytest.approx(0.3, abs=0.02)
    assert first.mean() == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(first.unique(), [0, 1 / 0.7], rtol=1e-6)
    dropout(features, watched, fraction=0.3)(torch.tensor([0, 1]))
    assert torch.equal(seen[-1], first), "the same seed drops the same"


def test_a_fit_hears_the_augmented_clips() -> None:
    plain = palm().fit(AUDIO, TARGETS)
    dropped = palm().fit(AUDIO, TARGETS, augment=dropout(one_window(AUDIO), project))
    assert (dropped.state["context"] != plain.state["context"]).any()
    assert dropped.score(AUDIO, TARGETS) > 0.5


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_dropout_of_everything_is_refused(fraction: float) -> None:
    with pytest.raises(FewShotError, match="fraction to drop must be"):
        dropout(one_window(normalise(AUDIO)), project, fraction)


# --- batch norm -------------------------------------------------------------------------------------------------------


def test_the_batch_norm_is_that_of_one_step_of_training_on_all_clips(
    model: EmbeddedModel, sounds: list[tuple[int, Array]]
) -> None:
    """Torch's own estimate from the same windows at once: momentum 1, so that nothing of the old one stays."""
    before = {name: value.clone() for name, value in model.audio.state_dict().items()}
    ours = with_batch_norm_of(model, sounds)
    assert isinstance(ours, EmbeddedModel)
    windows = torch.stack([torch.from_numpy(samples[:160_000]) for _, samples in sounds])
    windows = torch.cat([windows, torch.stack([torch.from_numpy(samples[-160_000:]) for _, samples in sounds])])
    reference = copy.deepcopy(model.audio)
    norm = cast(torch.nn.BatchNorm2d, reference.net[0][1])  # type: ignore[index]
    norm.train()
    norm.momentum = 1.0
    reference(windows)
    found = ours.audio.net[0][1].state_dict()  # type: ignore[index]
    torch.testing.assert_close(found["running_mean"], norm.running_mean, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found["running_var"], norm.running_var, atol=1e-3, rtol=1e-3)
    for name, value in model.audio.state_dict().items():
        assert torch.equal(value, before[name]), "the shared model is left alone"


@pytest.mark.slow
def test_it_is_another_model(model: EmbeddedModel, sounds: list[tuple[int, Array]]) -> None:
    ours, again = with_batch_norm_of(model, sounds), with_batch_norm_of(model, sounds)
    assert ours.revision != model.revision and ours.revision == again.revision
    assert with_batch_norm_of(model, sounds[:1]).revision != ours.revision
    assert (pooled(embed_clips(ours, sounds)) != pooled(embed_clips(model, sounds))).any()
    assert torch.equal(ours.embed_text(["rain"]), model.embed_text(["rain"]))


def test_nothing_to_estimate_is_said(model: EmbeddedModel, sounds: list[tuple[int, Array]]) -> None:
    with pytest.raises(FewShotError, match="there is no clip"):
        with_batch_norm_of(model, [])

    class Plain:
        name, revision = "plain", "1"

    with pytest.raises(FewShotError, match="plain has no batch norm"):
        with_batch_norm_of(Plain(), sounds)  # type: ignore[arg-type]
