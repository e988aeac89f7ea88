"""Our embeddings are those of transformers' ``ClapModel``, on a small random one, without its random choices."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import ClapConfig, ClapModel, ClapProcessor, RobertaTokenizerFast
from transformers.models.clap import ClapFeatureExtractor

from audioprompt.models.base import ModelError
from audioprompt.models.contract import check_model
from audioprompt.models.downloads import NotThere
from audioprompt.models.laion import CHECKPOINTS, LaionClap, load_laion
from audioprompt.models.weights import read_stored
from tests.hub import Hub, Worker
from tests.unit.models import tokenizers_trained

pytestmark = pytest.mark.slow

RATE, SECONDS = 48_000, 10
TEXTS = ["dog", "A loud sound of a violin, coming from an opera!", "", "naïve café 🎻"]


def make(folder: Path, fusion: bool) -> None:
    """A ``ClapModel`` with few weights that sees what a large one sees."""
    tokenizers_trained.roberta(folder)
    audio = {
        "patch_embeds_hidden_size": 8,
        "hidden_size": 64,
        "depths": [1, 1, 1, 1],
        "num_attention_heads": [2, 2, 2, 2],
        "enable_fusion": fusion,
        "aff_block_r": 2,
    }
    text = {
        "vocab_size": 400,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 34,
    }
    torch.manual_seed(0)
    config = ClapConfig(text_config=text, audio_config=audio, projection_dim=24)
    clap = ClapModel(config)
    for name, values in clap.state_dict().items():
        if name.endswith("weight") and values.ndim == 2 and "embeddings" not in name:
            values.mul_(5)
        elif name.endswith("running_var"):
            values.uniform_(100, 300)  # decibels spread this much
    clap.save_pretrained(folder)
    ClapFeatureExtractor(truncation="fusion" if fusion else "rand_trunc").save_pretrained(folder)


@pytest.fixture(scope="module", params=["unfused", "fused"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    make(folder, fusion=request.param == "fused")
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> LaionClap:
    return load_laion("laion-clap", weights=folder)


def sounds() -> Tensor:
    """A falling tone, clicks in noise, and silence."""
    time = torch.arange(SECONDS * RATE) / RATE
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(0))
    return torch.stack([0.5 * torch.sin(6.3 * (2000 - 50 * time) * time), 0.1 * noise * (time % 1 < 0.2), 0 * time])


def theirs(folder: Path) -> tuple[ClapModel, Any]:
    tokenizer = RobertaTokenizerFast.from_pretrained(folder)
    return ClapModel.from_pretrained(folder).eval(), ClapProcessor(
        ClapFeatureExtractor.from_pretrained(folder), tokenizer
    )


def test_texts_are_embedded_as_by_transformers(folder: Path, model: LaionClap) -> None:
    clap, processor = theirs(folder)
    with torch.no_grad():
        expected = clap.get_text_features(**processor(text=TEXTS, padding=True, return_tensors="pt"))
    ours = model.embed_text(TEXTS)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    assert (ours @ ours.T - torch.eye(len(ours))).max() < 0.999, "the comparison means something only if texts differ"


def test_sounds_are_embedded_as_by_transformers(folder: Path, model: LaionClap) -> None:
    clap, processor = theirs(folder)
    inputs = processor.feature_extractor(list(sounds().numpy()), sampling_rate=RATE, return_tensors="pt")
    inputs["is_longer"] = torch.zeros(3, 1, dtype=torch.bool)  # of fused models it makes one longer at random
    with torch.no_grad():
        expected = clap.get_audio_features(**inputs)
    ours = model.embed_audio(sounds())
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    assert ours[0] @ ours[1] < 0.999


def test_the_picture_is_that_of_transformers(folder: Path, model: LaionClap) -> None:
    _, processor = theirs(folder)
    expected = processor.feature_extractor(list(sounds().numpy()), sampling_rate=RATE, return_tensors="pt")
    torch.testing.assert_close(model.log_mel(sounds()), expected["input_features"], atol=1e-3, rtol=0)  # of -100..50 dB


def test_long_clips_are_cropped_at_random_there_and_refused_here(folder: Path, model: LaionClap) -> None:
    _, processor = theirs(folder)
    long = torch.cat([sounds()[0], sounds()[1]]).numpy()
    pictures = []
    for seed in (1, 2):
        np.random.seed(seed)
        pictures.append(processor.feature_extractor(long, sampling_rate=RATE, return_tensors="pt")["input_features"])
    assert not torch.equal(*pictures)
    with pytest.raises(ValueError, match=r"windows must be \[batch, 480000\], got \[1, 960000\]"):
        model.embed_audio(torch.from_numpy(long)[None])


def test_it_keeps_the_contract(model: LaionClap) -> None:
    assert [result.line for result in check_model(model) if result.kept is False] == []


def test_what_it_says_of_itself(folder: Path, model: LaionClap) -> None:
    clap, _ = theirs(folder)
    assert (model.sample_rate, model.window_seconds, model.dim) == (RATE, SECONDS, 24)
    assert model.logit_scale == pytest.approx(clap.logit_scale_a.exp().item())
    assert model.embed_audio(sounds()).norm(dim=1).numpy() == pytest.approx(np.ones(3))


def test_prompts_can_be_learned_through_the_text_tower(model: LaionClap) -> None:
    tokens = model.text.tokenize(["dog", "a sound of a violin"])
    embeddings = model.text.token_embeddings(tokens.ids).requires_grad_()
    assert embeddings.shape == (*tokens.ids.shape, model.text.context_dim)
    encoded = model.text.encode(embeddings, tokens.mask)
    torch.testing.assert_close(encoded, model.embed_text(["dog", "a sound of a violin"]), atol=1e-5, rtol=0)
    (gradient,) = torch.autograd.grad(encoded[:, 0].sum(), embeddings)
    assert gradient[tokens.mask.bool()].abs().sum(dim=-1).min() > 0
    assert gradient[~tokens.mask.bool()].abs().max() == 0, "padding has no say"


def test_a_long_text_is_cut_with_a_warning(folder: Path, model: LaionClap) -> None:
    clap, processor = theirs(folder)
    with pytest.raises(RuntimeError), torch.no_grad():  # theirs needs to be told
        clap.get_text_features(**processor(text=["dog " * 50], return_tensors="pt"))
    with pytest.warns(UserWarning, match="longer than the 32 tokens"):
        assert model.text.tokenize(["dog " * 50, "dog"]).ids.shape == (2, 32)
    with pytest.warns(UserWarning):
        assert model.embed_text(["dog " * 50]).isfinite().all()


@pytest.mark.parametrize("text", ["!", "🎻🔥", " " * 20, "<pad> dog", "</s>", "<mask>"])
def test_odd_texts_have_an_embedding_that_their_batch_does_not_change(model: LaionClap, text: str) -> None:
    alone = model.embed_text([text])
    assert alone.isfinite().all()
    together = model.embed_text(["a rather long text about a violin", text])[1:]
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)


def test_revision_depends_on_the_weights(folder: Path, model: LaionClap, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert load_laion("other name", weights=tmp_path / "copy").revision == model.revision
    clap = ClapModel.from_pretrained(folder)
    clap.text_projection.linear1.bias.data[0] += 1
    clap.save_pretrained(tmp_path / "copy")
    assert load_laion("laion-clap", weights=tmp_path / "copy").revision != model.revision


def embed_from_hub(name: str) -> tuple[str, np.ndarray, list[Any]]:
    reports: list[Any] = []
    model = load_laion(name, progress=lambda *report: reports.append(report))
    return model.revision, model.embed_text(TEXTS).numpy(), reports


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_from_the_hub(folder: Path, model: LaionClap, hub: Hub, worker: Worker, weights: str, tmp_path: Path) -> None:
    repo = CHECKPOINTS["laion-clap"] if weights == "model.safetensors" else "somebody/clap"
    repo = f"{repo}-{folder.name}" if folder.name.startswith("fused") else repo
    name = "laion-clap" if repo == CHECKPOINTS["laion-clap"] else repo
    shutil.copytree(folder, hub.folder / repo)
    if weights == "pytorch_model.bin":
        (hub.folder / repo / "model.safetensors").unlink()
        torch.save(ClapModel.from_pretrained(folder).state_dict(), hub.folder / repo / weights)
    hub.breaks[f"{repo}/{weights}"] = 1
    revision, texts, reports = worker(embed_from_hub, name)
    assert revision == model.revision
    np.testing.assert_allclose(texts, model.embed_text(TEXTS).numpy(), atol=1e-6)
    assert reports[-1][0] == reports[-1][1] == (hub.folder / repo / weights).stat().st_size
    before = len(hub.requests)
    worker(embed_from_hub, name)
    assert len(hub.requests) == before, "what is in the cache needs no network"


def test_not_on_the_hub(worker: Worker) -> None:
    with pytest.raises(NotThere, match="somebody/nothing does not exist"):
        worker(embed_from_hub, "somebody/nothing")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text(json.dumps({"model_type": "bert"})), "of type 'bert'"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"cut short"), "cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be read as a tokenizer"),
    ],
)
def test_a_folder_that_cannot_be_used(folder: Path, tmp_path: Path, spoil: Any, message: str) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(folder, spoilt)
    spoil(spoilt)
    with pytest.raises(ModelError, match=message) as error:
        load_laion("laion-clap", weights=spoilt)
    assert "\n" not in str(error.value)


def test_a_file_for_a_folder_and_a_folder_for_a_file_are_told_apart_from_damage(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json is a file; give the folder that holds it"):
        load_laion(weights=folder / "config.json")
    with pytest.raises(ModelError, match="is a folder; give the file of the weights in it"):
        read_stored(folder)


def test_weights_that_lack_something(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "lacking")
    clap = ClapModel.from_pretrained(folder)
    state = {key: value for key, value in clap.state_dict().items() if not key.startswith("text_projection")}
    clap.save_pretrained(tmp_path / "lacking", state_dict=state)
    with pytest.raises(ModelError, match=r"lack 4 entries \(text_projection"):
        load_laion("laion-clap", weights=tmp_path / "lacking")
