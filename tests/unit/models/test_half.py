"""Half precision, on the CPU, where torch has the same lists of what may be computed in float16 as on CUDA."""

import pytest
import torch

from audioprompt.models.base import ModelError
from audioprompt.models.compat.half import TOLERANCE, HalfPrecision
from audioprompt.models.embedded import EmbeddedModel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def half() -> HalfPrecision:
    return HalfPrecision(EmbeddedModel())


def test_half_precision_stays_within_its_tolerance_and_is_really_used(half: HalfPrecision):
    window = 0.1 * torch.randn(1, 160_000, generator=torch.Generator().manual_seed(1))
    full, found = half.model.embed_audio(window), half.embed_audio(window)
    assert found.dtype == torch.float32
    assert found.norm() == pytest.approx(1)
    assert not torch.equal(full, found) and 1 - (full * found).sum() <= TOLERANCE


def test_texts_are_read_in_full_precision(half: HalfPrecision):
    assert torch.equal(half.embed_text(["rain", "a dog"]), half.model.embed_text(["rain", "a dog"]))
    assert half.text is half.model.text


def test_its_embeddings_are_not_taken_for_those_in_full_precision(half: HalfPrecision):
    assert half.revision != half.model.revision and half.name == half.model.name


def test_a_model_that_float16_does_not_hold_is_refused():
    broken = EmbeddedModel()
    with torch.no_grad():
        last, judge = broken.audio.net[16][0], broken.audio.judge[0]  # type: ignore[index]
        assert isinstance(last, torch.nn.Conv2d) and last.bias is not None and isinstance(judge, torch.nn.Linear)
        last.weight.mul_(1e6)  # float16 ends at 65,504
        last.bias.mul_(1e6)
        judge.weight.div_(1e6)
    with pytest.raises(ModelError, match=r"half precision moves embedded's embeddings by .*: use it without"):
        HalfPrecision(broken)
