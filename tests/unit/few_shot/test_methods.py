"""Every method, made by name for a model and fitted on its embeddings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from audioprompt.core.zero_shot import ensemble_weights
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.template import BARE_NAME, Template
from tests.unit.few_shot.towers import NAMES, TinyText, clusters

CLASSES = NAMES[:4]
TEMPLATES = (Template("the sound of {label}"), Template("{label} far away"))
QUICK = FitSettings(epochs=2, context_tokens=2)


class Model:
    name, revision, device, sample_rate, window_seconds = "tiny", "1", "cpu", 1_000, 1.0
    dim, logit_scale = 12, 10.0

    def __init__(self) -> None:
        self.text: Any = TinyText()

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        with torch.no_grad():
            tokens = self.text.tokenize(texts)
            return self.text.encode(self.text.token_embeddings(tokens.ids), tokens.mask)

    def embed_audio(self, windows: Tensor) -> Tensor:
        raise NotImplementedError


@pytest.fixture
def model() -> AudioTextModel:
    return Model()


@pytest.mark.parametrize("method", METHODS.names)
def test_every_method_is_made_fitted_asked_and_taken_over(method: str, model: AudioTextModel) -> None:
    audio, targets, _ = clusters()
    head = build_head(method, model, CLASSES, QUICK, TEMPLATES)
    assert head.method == method
    assert head.fit(audio, targets) is head
    chances = head.predict_proba(audio)
    assert chances.shape == (40, 4)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert head.prediction(audio).labels == CLASSES
    assert 0 <= head.score(audio, targets) <= 1
    assert head.weights is None or head.weights.shape == (4, 12)
    other = build_head(method, model, CLASSES, QUICK, TEMPLATES)
    other.state = {name: value.copy() for name, value in head.state.items()}
    np.testing.assert_allclose(other.logits(audio), head.logits(audio), atol=1e-5)


@pytest.mark.parametrize("start", [(BARE_NAME,), TEMPLATES[:1], TEMPLATES])
def test_palm_starts_where_it_is_told(start: tuple[Template, ...], model: AudioTextModel) -> None:
    head = build_head("palm-dagger", model, CLASSES, QUICK, start=start)
    audio, targets, _ = clusters()
    said = [[template.fill(name) for name in CLASSES] for template in start]
    expected = ensemble_weights(np.stack([model.embed_text(texts).numpy() for texts in said]))
    np.testing.assert_allclose(np.asarray(head.fit(audio, targets).weights), expected, atol=1e-5)


def test_the_paper_starts_from_the_bare_name() -> None:
    assert BARE_NAME.fill("dog bark") == "dog bark"


def test_an_unknown_method_is_told_the_known_ones(model: AudioTextModel) -> None:
    with pytest.raises(FewShotError, match=r"'magic'\. Choose one of: auto, words-as-clips, palm"):
        build_head("magic", model, CLASSES)


@pytest.mark.parametrize("method", ["tspe", "palm"])
def test_an_ensemble_of_nothing_is_refused(method: str, model: AudioTextModel) -> None:
    with pytest.raises(FewShotError, match="needs templates"):
        build_head(method, model, CLASSES, start=())
