"""Our embeddings are msclap's; and each of msclap's traps, as it is there and as it is here.

The checkpoints are large (the true architectures), so each is made once, compared, and deleted.
"""

import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from audioprompt.audio.decode import load, stream_windows
from audioprompt.models.base import ModelError
from audioprompt.models.clap import CHECKPOINTS, MsClap, import_msclap, load_msclap, read_checkpoint
from audioprompt.models.compat.torchaudio_stand_in import importable_torchaudio
from audioprompt.models.weights import fill
from tests.hub import Hub, Worker
from tests.unit.models import reference, tokenizers_trained

pytestmark = pytest.mark.slow

RATE = 44_100
TEXTS = [
    "dog",
    "A loud sound of a jackhammer, coming from a street",
    "",
    "the sound of the baby's cry can be heard coming from a hall at home in the street",
]
TOKENIZERS = {
    "gpt2": tokenizers_trained.gpt2,
    "bert-base-uncased": tokenizers_trained.bert,
    "openai/clip-vit-base-patch16": tokenizers_trained.clip,
}


@dataclass
class Compared:
    """One of the models, and what the reference makes of the same weights, texts and clips."""

    model: MsClap
    reference: dict[str, Any]
    windows: Tensor
    weights: Path
    warned_before: list[Any]
    warned_after: list[Any]


@pytest.fixture(scope="session")
def text_models(hub: Hub) -> None:
    """The text models' repositories on the hub; made once, as training a tokenizer may end differently each time."""
    for name, config in reference.TEXT_MODELS.items():
        TOKENIZERS[name](hub.folder / name)
        reference.publish_text_model(hub.folder / name, config)


@pytest.fixture(scope="module", params=list(CHECKPOINTS))
def compared(
    request: pytest.FixtureRequest,
    text_models: None,
    hub: Hub,
    worker: Worker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Compared]:
    name = request.param
    checkpoint = CHECKPOINTS[name]
    folder = tmp_path_factory.mktemp(name)
    weights = folder / "weights.pth"
    windows = sounds(checkpoint.window_seconds)
    clips = [folder / f"{index}.wav" for index in range(len(windows))]
    for clip, samples in zip(clips, windows, strict=True):
        soundfile.write(clip, samples.numpy(), RATE, subtype="FLOAT")
    if name == "pengi":
        found = worker(reference.pengi_embeddings, weights, TEXTS, clips)
    else:
        found = worker(reference.embeddings, name.removeprefix("msclap-"), weights, TEXTS, clips)
    before = list(warnings.filters)
    model = load_msclap(name, weights=weights, tokenizer=hub.folder / checkpoint.text_model)
    yield Compared(model, found, windows, weights, before, list(warnings.filters))
    shutil.rmtree(folder)


only = {
    name: pytest.mark.parametrize("compared", [name], indirect=True) for name in ("msclap-2022", "msclap-2023", "pengi")
}


def sounds(seconds: float) -> Tensor:
    """Two quite different windows: a falling tone, and clicks in noise."""
    time = torch.arange(round(seconds * RATE)) / RATE
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(0))
    return torch.stack([0.5 * torch.sin(6.3 * (2000 - 100 * time) * time), 0.1 * noise * (time % 1 < 0.2)])


def test_texts_are_embedded_as_by_msclap(compared: Compared) -> None:
    ours = compared.model.embed_text(TEXTS).numpy()
    np.testing.assert_allclose(ours, compared.reference["texts"], atol=1e-5)
    closeness = ours @ ours.T - np.eye(len(ours))
    assert closeness.max() < 0.999, "the comparison means something only if texts differ"


def test_sounds_are_embedded_as_by_msclap(compared: Compared) -> None:
    ours = compared.model.embed_audio(compared.windows).numpy()
    np.testing.assert_allclose(ours, compared.reference["clips"], atol=1e-5)
    assert ours[0] @ ours[1] < 0.999


def test_scale(compared: Compared) -> None:
    assert compared.model.logit_scale == pytest.approx(compared.reference.get("logit_scale", 100.0))


def test_embeddings_are_unit_vectors_and_the_same_on_every_run(compared: Compared) -> None:
    texts = compared.model.embed_text(TEXTS)
    assert texts.shape == (len(TEXTS), compared.model.dim)
    torch.testing.assert_close(texts.norm(dim=1), torch.ones(len(TEXTS)))
    assert torch.equal(compared.model.embed_text(TEXTS), texts)
    alone = torch.cat([compared.model.embed_text([text]) for text in TEXTS])
    torch.testing.assert_close(alone, texts, atol=1e-5, rtol=0)


def test_features_before_the_projection_give_the_same_embedding(compared: Compared) -> None:
    model = compared.model
    features = model.audio_features(compared.windows[:1])
    assert features.shape == (1, CHECKPOINTS[model.name].audio_width)
    torch.testing.assert_close(
        model.project_audio(features), torch.from_numpy(compared.reference["clips"][:1]), atol=1e-5, rtol=0
    )


def test_windows_of_another_length_are_refused(compared: Compared) -> None:
    with pytest.raises(ValueError, match=r"windows must be \[batch, "):
        compared.model.embed_audio(torch.zeros(1, RATE))


def test_prompts_can_be_learned_through_the_text_tower(compared: Compared) -> None:
    text = compared.model.text
    tokens = text.tokenize(["dog", "a sound of a violin"])
    embeddings = text.token_embeddings(tokens.ids).requires_grad_()
    assert embeddings.shape == (*tokens.ids.shape, text.context_dim)
    encoded = text.encode(embeddings, tokens.mask)
    torch.testing.assert_close(encoded, compared.model.embed_text(["dog", "a sound of a violin"]), atol=1e-5, rtol=0)
    (gradient,) = torch.autograd.grad(encoded[:, 0].sum(), embeddings)
    assert gradient[tokens.mask.bool()].abs().sum(dim=-1).min() > 0
    assert gradient[~tokens.mask.bool()].abs().max() == 0, "padding has no say"
    assert not any(parameter.requires_grad for parameter in text.parameters())


@only["pengi"]  # the smallest
def test_revision_depends_on_weights_and_tokenizer_alone(compared: Compared, tmp_path: Path, hub: Hub) -> None:
    repo = hub.folder / CHECKPOINTS["pengi"].text_model
    beside = tmp_path / "base.pth"
    state = read_checkpoint(compared.weights)
    torch.save({"model": state}, beside)  # the same tensors in another file, and without "module."
    shutil.copy(repo / "tokenizer.json", tmp_path)
    assert load_msclap("pengi", weights=beside).revision == compared.model.revision
    state["audio_encoder.projection.layer_norm.bias"][0] += 1
    torch.save({"model": state}, beside)
    assert load_msclap("pengi", weights=beside).revision != compared.model.revision


# --- msclap's traps, there and here -----------------------------------------------------------------------------------


def test_long_clips_are_cropped_at_random_there_and_windowed_by_a_rule_here(worker: Worker, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, np.linspace(-0.9, 0.9, 12 * RATE), RATE, subtype="FLOAT")
    there = [worker(reference.loaded_audio, 5, long, seed) for seed in (1, 2)]
    assert there[0][0] != there[1][0]
    here = [[window.samples for window in stream_windows(long, RATE, 5.0)] for _ in range(2)]
    assert len(here[0]) > 1
    np.testing.assert_array_equal(here[0], here[1])


def test_stereo_is_laid_end_to_end_there_and_mixed_here(worker: Worker, tmp_path: Path) -> None:
    stereo = tmp_path / "stereo.wav"
    tone = np.sin(np.arange(3 * RATE) / 10)
    left, right = 0.5 * tone, 0.1 * tone
    soundfile.write(stereo, np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    there = worker(reference.loaded_audio, 7, stereo, 0)  # 3 s of stereo have become 6 s, then repeated
    np.testing.assert_allclose(there[: 3 * RATE], left, atol=1e-6)
    np.testing.assert_allclose(there[3 * RATE : 6 * RATE], right, atol=1e-6)
    here = load(stereo, RATE)
    assert here.shape == (3 * RATE,)
    np.testing.assert_allclose(here, 0.3 * tone, atol=1e-6)


@pytest.mark.parametrize(("compared", "limit"), [("msclap-2022", 100), ("msclap-2023", 77)], indirect=["compared"])
def test_texts_are_padded_to_the_limit_there_and_to_the_longest_here(compared: Compared, limit: int) -> None:
    assert compared.reference["padded_to"] == limit
    tokens = compared.model.text.tokenize(["dog", "the sound of a violin"])
    assert tokens.ids.shape[1] == tokens.mask.sum(dim=1).max() < 16
    seen: list[int] = []
    base = cast(torch.nn.Module, compared.model.text.base)
    hook = base.register_forward_hook(
        lambda _, __, given, ___: seen.append(given["inputs_embeds"].shape[1]), with_kwargs=True
    )
    compared.model.embed_text(["dog", "the sound of a violin"])
    hook.remove()
    assert seen == [tokens.ids.shape[1]], (
        "the text model itself works on no more positions: the cost is that of the text"
    )


@pytest.mark.parametrize(("compared", "limit"), [("msclap-2022", 100), ("msclap-2023", 77)], indirect=["compared"])
def test_a_long_text_breaks_the_batch_there_and_is_cut_with_a_warning_here(compared: Compared, limit: int) -> None:
    assert "stack expects each tensor to be equal size" in compared.reference["long_text"]
    long = "dog " * 2500
    with pytest.warns(UserWarning, match=rf"'dog dog .*'\.\.\. is longer than the {limit} tokens") as warned:
        tokens = compared.model.text.tokenize(["dog", long, "violin"])
    assert len(warned) == 1
    assert tokens.mask.sum(dim=1).tolist()[1] == limit
    end = compared.model.text.tokenize(["dog"]).ids[0, -1]
    assert tokens.ids[1, -1] == end, "the end token stays: it is what is read"
    with pytest.warns(UserWarning):
        embedded = compared.model.embed_text(["dog", long])
    torch.testing.assert_close(embedded[:1], compared.model.embed_text(["dog"]), atol=1e-5, rtol=0)


@only["pengi"]
def test_pengi_cuts_at_its_own_limit(compared: Compared) -> None:
    with pytest.warns(UserWarning, match=r"\(and 1 more\) is longer than the 40 tokens"):
        assert compared.model.text.tokenize(["dog " * 60, "violin " * 60]).ids.shape == (2, 40)


@only["msclap-2023"]
def test_an_exclamation_mark_moves_what_is_read_there_but_not_here(compared: Compared) -> None:
    """msclap pads with "!", and finds the end by counting what is not padding."""
    found = compared.reference
    read_there = found["each_position"] @ found["exclamation"]
    assert read_there.argmax() == found["end"] - 1
    ours = compared.model.embed_text([reference.EXCLAMATION]).numpy()[0]
    np.testing.assert_allclose(ours, found["each_position"][found["end"]], atol=1e-5)
    assert abs(ours - found["exclamation"]).max() > 1e-3


@pytest.mark.filterwarnings("ignore:.*is longer than the 40 tokens")
@pytest.mark.parametrize(
    "text", ["!", "!!! !", "🎻🔥", "\x00", " " * 50, "<|endoftext|>", "[SEP] [PAD] </s>", "é" * 30]
)
def test_odd_texts_have_an_embedding_that_their_batch_does_not_change(compared: Compared, text: str) -> None:
    alone = compared.model.embed_text([text])
    assert alone.isfinite().all()
    together = compared.model.embed_text(["a rather long text about a violin in an opera", text])[1:]
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)


def test_a_file_with_code_in_it_is_run_there_and_refused_here(
    text_models: None, worker: Worker, tmp_path: Path, hub: Hub
) -> None:
    trace, checkpoint = tmp_path / "trace", tmp_path / "mischief.pth"
    reference.publish_mischief(checkpoint, trace)
    shutil.copy(hub.folder / "bert-base-uncased/tokenizer.json", tmp_path)
    error = worker(reference.load_mischief, checkpoint, True)
    assert re.match("ModelError: .*mischief.pth cannot be read as weights: .* could run code", error)
    assert not trace.exists()
    worker(reference.load_mischief, checkpoint, False)
    assert trace.exists()


@only["msclap-2023"]
def test_the_text_models_own_weights_are_downloaded_there_and_not_here(
    compared: Compared, hub: Hub, worker: Worker
) -> None:
    assert hub.asked("gpt2/model.safetensors"), "by the reference"
    served = "microsoft/msclap/CLAP_weights_2023.pth"
    (hub.folder / served).parent.mkdir(parents=True, exist_ok=True)
    compared.weights.rename(hub.folder / served)  # 650 MB: not copied
    hub.breaks[served] = 1
    before = len(hub.requests)
    found = worker(reference.load_from_hub, "msclap-2023", TEXTS)
    (hub.folder / served).rename(compared.weights)
    np.testing.assert_allclose(found["texts"], compared.reference["texts"], atol=1e-5)
    assert found["revision"] == compared.model.revision
    fetched = [request.partition(" bytes=")[0] for request in hub.requests[before:] if request.startswith("GET")]
    assert fetched == [f"GET {served}"] * 2, "the connection dropped once; the tokenizer is there, from the reference"
    size = compared.weights.stat().st_size
    assert found["reports"][-1] == (size, size)
    assert found["reports"] == sorted(found["reports"])


@only["msclap-2022"]
def test_importing_silences_all_warnings_there_and_none_here(compared: Compared, worker: Worker) -> None:
    assert worker(reference.silenced)
    assert compared.warned_before == compared.warned_after


def test_the_stand_in_is_gone_when_msclap_is_in() -> None:
    import_msclap()
    found = sys.modules.get("torchaudio")
    assert found is None or (found.__spec__ and found.__spec__.loader), "the real one has a loader"
    with importable_torchaudio():
        import torchaudio
        import torchaudio.transforms

        assert torchaudio.__spec__ is not None
    assert sys.modules.get("torchaudio") is found


# --- weights that cannot be used --------------------------------------------------------------------------------------


def test_unknown_name() -> None:
    with pytest.raises(
        ModelError, match=r"no model called 'msclap-2024'\. Choose one of: msclap-2023, msclap-2022, pengi"
    ):
        load_msclap("msclap-2024")


def test_a_path_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no file .*none\.pth"):
        read_checkpoint(tmp_path / "none.pth")


def test_a_file_cut_short(tmp_path: Path) -> None:
    torch.save({"model": {"weight": torch.zeros(100_000)}}, tmp_path / "whole.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:200_000])
    assert list(read_checkpoint(tmp_path / "whole.pth")) == ["weight"]
    with pytest.raises(ModelError, match="it is damaged"):
        read_checkpoint(tmp_path / "cut.pth")


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"<html>404</html>"])
def test_a_file_of_something_else(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "page.pth").write_bytes(content)
    with pytest.raises(ModelError, match="it is damaged"):
        read_checkpoint(tmp_path / "page.pth")


def test_a_file_without_a_model(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "bare.pth")
    with pytest.raises(ModelError, match="holds no entry 'model'"):
        read_checkpoint(tmp_path / "bare.pth")


def test_files_of_before_the_zip_format_can_be_read(tmp_path: Path) -> None:
    torch.save({"model": {"weight": torch.ones(3)}}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert read_checkpoint(tmp_path / "old.pth")["weight"].tolist() == [1, 1, 1]


def test_weights_of_another_model_say_which_entries_differ() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    stored = {
        "0.weight": torch.zeros(3, 2),
        "0.bias": torch.zeros(4),
        "1.bias": torch.zeros(1),
        "head.weight": torch.zeros(1),
        "embeddings.position_ids": torch.arange(9),
    }
    with pytest.raises(ModelError) as error:
        fill(layers, stored, "msclap-2023")
    assert str(error.value) == (
        "These are not the weights of msclap-2023, entries 1 missing (1.weight); 1 unknown (head.weight);"
        " 1 of another shape (0.bias is [4] instead of [3]); use the file that is published for it."
    )


@only["msclap-2023"]
def test_the_weights_of_a_sister_are_refused(compared: Compared, hub: Hub) -> None:
    with pytest.raises(
        ModelError, match=r"not the weights of msclap-2022, entries \d+ missing \(.*, \.\.\.\); \d+ unknown"
    ):
        load_msclap("msclap-2022", weights=compared.weights, tokenizer=hub.folder / "bert-base-uncased")


@pytest.mark.parametrize("content", [None, "not json"])
def test_the_wrong_tokenizer_is_refused(compared: Compared, hub: Hub, tmp_path: Path, content: str | None) -> None:
    text_model = CHECKPOINTS[compared.model.name].text_model
    other = "gpt2" if text_model != "gpt2" else "bert-base-uncased"
    file = tmp_path / "tokenizer.json"
    file.write_text(content or (hub.folder / other / "tokenizer.json").read_text())
    match = "tokenizer of another model" if content is None else "cannot be read as a tokenizer"
    with pytest.raises(ModelError, match=match):
        compared.model.text.tokenizer_from(file, 77)
