"""CoOp, CoCoOp and Audio Prompt Learner against loops that take one clip and one class at a time."""

from collections.abc import Iterator, Mapping
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import Epoch
from audioprompt.few_shot.descent import batches
from audioprompt.few_shot.methods import coop
from audioprompt.few_shot.methods.apl import AudioPromptLearner
from audioprompt.few_shot.methods.cocoop import Cocoop
from audioprompt.few_shot.methods.coop import Coop, Prompts, start_tokens
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.models.embedded import EmbeddedModel
from tests.unit.few_shot.towers import NAMES, TinyText, clusters

SMALL = FitSettings(context_tokens=3, logit_scale=20, learning_rate=0.02, random_state=4)


def one_prompt(text: TinyText, name: str, context: Tensor) -> Tensor:
    """The embedding of one class name behind a context, its tokens put together by hand."""
    words = text.words[text.tokenize([name]).ids[0]]
    tokens = torch.cat([words[:1], context, words[1:]]) if text.starts else torch.cat([context, words])
    return text.encode(tokens[None], torch.ones(1, len(tokens), dtype=torch.int64))[0]


def one_by_one(
    text: TinyText, audio: Array, targets: np.ndarray, begun: Mapping[str, Array], settings: FitSettings
) -> Iterator[tuple[float, dict[str, Tensor]]]:
    """Loss and learned values after each epoch, clip by clip and class by class."""
    values = {name: torch.tensor(value, requires_grad=True) for name, value in begun.items()}
    speed = {name: torch.zeros_like(value) for name, value in values.items()}
    clips = torch.from_numpy(audio)
    order = np.random.default_rng([settings.random_state, 1])
    classes = NAMES[: targets.max() + 1]
    while True:
        total = 0.0
        for batch in batches(len(clips), settings.batch_size, order):
            losses, context, weights = [], values["context"], None
            for row in batch.tolist():
                if "narrow.weight" in values:
                    middle = torch.relu(values["narrow.weight"] @ clips[row] + values["narrow.bias"])
                    shift = values["widen.weight"] @ middle + values["widen.bias"]
                    moved = [values["context"] + shift]
                    if "domain" in values:
                        moved = [values["domain"] + shift, values["context"]]
                    context, weights = torch.cat(moved), None
                if weights is None:
                    weights = torch.stack([one_prompt(text, name, context) for name in classes])
                logits = 20 * weights @ clips[row]
                losses.append(torch.logsumexp(logits, 0) - logits[targets[row]])
            loss = torch.stack(losses).mean()
            total += loss.item() * len(losses)
            slopes = torch.autograd.grad(loss, list(values.values()))
            with torch.no_grad():
                for (name, value), slope in zip(values.items(), slopes, strict=True):
                    speed[name] = settings.momentum * speed[name] + slope
                    value -= settings.learning_rate * speed[name]
        yield total / len(clips), values


@pytest.mark.parametrize(
    ("method", "starts"), [(Coop, False), (Coop, True), (Cocoop, True), (AudioPromptLearner, True)]
)
@pytest.mark.slow
def test_every_epoch_is_the_formulas(method: type[Coop], starts: bool) -> None:
    audio, targets, _ = clusters(classes=3, each=3, dim=32, spread=0.7)
    text = TinyText(dim=32, starts=starts)
    settings = FitSettings(context_tokens=3, logit_scale=20, learning_rate=0.02, batch_size=5, random_state=4)
    head = method(NAMES[:3], text, settings)
    expected = one_by_one(text, audio, targets, head.initial(np.random.default_rng([4, 0]), 32), settings)
    seen = []

    def compare(epoch: Epoch) -> None:
        loss, values = next(expected)
        assert epoch.loss == pytest.approx(loss, abs=1e-5)
        assert set(head.state) == set(values)
        for name, value in values.items():
            np.testing.assert_allclose(head.state[name], value.detach().numpy(), atol=1e-5, err_msg=name)
        seen.append(epoch.number)

    head.fit(audio, targets, compare)
    assert seen == list(range(1, 51))
    assert head.history[-1].loss < 0.8 * head.history[0].loss


def test_as_many_numbers_are_learned_as_in_the_paper() -> None:
    text = TinyText(dim=1024, context_dim=512)
    assert Coop(NAMES, text).learnable(1024) == 8_192
    assert Cocoop(NAMES, text).learnable(1024) == 98_880 + 8_192
    assert AudioPromptLearner(NAMES, text).learnable(1024) == 98_880 + 8_192 + 4 * 512  # four domain tokens


def test_audio_prompt_learners_net_moves_the_domain_tokens_alone() -> None:
    head = AudioPromptLearner(NAMES[:2], TinyText(), SMALL)
    values = {name: torch.from_numpy(value) for name, value in head.initial(np.random.default_rng(0), 12).items()}
    with patch.object(head.prompts, "encode") as encode:
        head.class_weights(values, torch.eye(12)[:2])
    (found,) = encode.call_args.args
    assert found.shape == (2, 4 + 3, 6)
    assert (found[0, :4] != found[1, :4]).all() and torch.equal(found[:, 4:], values["context"].expand(2, -1, -1))


@pytest.mark.parametrize("method", [Coop, Cocoop, AudioPromptLearner])
def test_gradients_reach_only_what_is_learned(method: type[Coop]) -> None:
    audio, targets, _ = clusters()
    text = TinyText()
    before = {name: value.clone() for name, value in text.named_parameters()}
    head = method(NAMES[:4], text, SMALL)
    head.fit(audio, targets, lambda epoch: epoch.number < 2)
    for name, value in text.named_parameters():
        assert value.grad is None
        assert torch.equal(value, before[name])
    for name, begun in head.initial(np.random.default_rng([4, 0]), 12).items():
        assert (head.state[name] != begun).any(), name


@pytest.mark.parametrize(("starts", "expected"), [(True, 1), (False, 0)])
def test_the_start_token_is_found(starts: bool, expected: int) -> None:
    assert start_tokens(TinyText(starts=starts)) == expected


@pytest.mark.parametrize("starts", [True, False])
def test_padding_changes_nothing(starts: bool) -> None:
    text = TinyText(starts=starts)
    contexts = torch.randn(2, 3, text.context_dim, generator=torch.Generator().manual_seed(0))
    together = Prompts(text, NAMES).encode(contexts)
    for number, name in enumerate(NAMES):
        for context, row in zip(contexts, together, strict=True):
            torch.testing.assert_close(row[number], one_prompt(text, name, context))


@pytest.mark.parametrize("method", [Coop, Cocoop, AudioPromptLearner])
def test_many_classes_take_no_more_memory_and_give_the_same(
    method: type[Coop], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, targets, _ = clusters()
    whole = method(NAMES[:4], TinyText(), SMALL)
    whole.fit(audio, targets, lambda epoch: epoch.number < 3)
    monkeypatch.setattr(coop, "PROMPTS_AT_ONCE", 3)
    text = TinyText()
    parts = method(NAMES[:4], text, SMALL)
    parts.fit(audio, targets, lambda epoch: epoch.number < 3)
    for name, value in whole.state.items():
        np.testing.assert_allclose(parts.state[name], value, atol=1e-5)
    np.testing.assert_allclose(parts.logits(audio), whole.logits(audio), atol=1e-3)
    assert text.most_at_once <= 3


def test_a_coop_head_reads_its_prompts_once() -> None:
    audio, targets, _ = clusters()
    head = Coop(NAMES[:4], TinyText(), SMALL).fit(audio, targets, lambda _: False)
    first = head.weights
    head.predict(audio)
    assert head.weights is first
    assert Cocoop(NAMES[:4], TinyText(), SMALL).fit(audio, targets, lambda _: False).weights is None


@pytest.mark.parametrize("method", [Coop, Cocoop, AudioPromptLearner])
def test_a_head_takes_over_the_state_of_another(method: type[Coop]) -> None:
    audio, targets, _ = clusters()
    fitted = method(NAMES[:4], TinyText(), SMALL).fit(audio, targets, lambda _: False)
    taken = method(NAMES[:4], TinyText(), SMALL)
    taken.state = fitted.state
    np.testing.assert_array_equal(taken.logits(audio), fitted.logits(audio))


def test_embeddings_of_another_model_are_refused() -> None:
    audio, targets, _ = clusters(dim=20)
    with pytest.raises(FewShotError, match="20 dimensions, but the classes 12"):
        Coop(NAMES[:4], TinyText(dim=12), SMALL).fit(audio, targets)


@pytest.mark.slow
def test_the_bundled_models_tower_learns() -> None:
    model = EmbeddedModel("cpu")
    assert start_tokens(model.text) == 1
    names = ("rain", "dog")
    rng = np.random.default_rng(0)
    texts = model.embed_text(["a violin", "a train"]).numpy()  # sounds that the names do not tell
    targets = np.tile([0, 1], 4)
    audio = (texts[targets] + 0.01 * rng.standard_normal((8, model.dim))).astype(np.float32)
    settings = FitSettings(epochs=2, context_tokens=2, batch_size=8, logit_scale=20)
    head = Coop(names, model.text, settings).fit(audio, targets)
    assert head.history[-1].loss < head.history[0].loss
    spliced = Prompts(model.text, names)
    ids = model.text.tokenize(names).ids
    words = model.text.token_embeddings(ids)
    context = words[:, 1:2][:1]  # the word rain, as a context of one
    torch.testing.assert_close(spliced.encode(context)[0], model.embed_text(["rain rain", "rain dog"]).clone())
    assert all(not value.requires_grad for value in model.text.parameters())
