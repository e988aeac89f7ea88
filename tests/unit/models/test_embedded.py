"""The bundled model against the interface's promises, whatever its weights are."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from audioprompt.encoding.encoder import embed_clip
from audioprompt.models.base import ModelError
from audioprompt.models.embedded import (
    BANDS,
    FFT,
    FILES,
    FRAME,
    HIGHEST,
    HOP,
    LOWEST,
    SAMPLE_RATE,
    TEXT_TOKENS,
    EmbeddedModel,
    log_mel,
    mel_filters,
    unpack,
)
from audioprompt.settings import asset_folder

SAMPLES = round(EmbeddedModel.sample_rate * EmbeddedModel.window_seconds)
TEXTS = [
    "rain",
    "This is a sound of a dog bark.",
    "A faint sound of an owl can be heard coming from the woods at night, far away and hardly audible",
    "",
    "!",
    "! ! !",
    "🎻 violin 🎻",
    "雨の音",
    "<script>alert(1)</script> {label} {}",
]


@pytest.fixture(scope="module")
def model() -> EmbeddedModel:
    return EmbeddedModel("cpu")


def noise(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(count, SAMPLES, generator=generator)


@pytest.mark.slow
def test_a_text_of_ten_thousand_characters_is_cut_with_a_warning(model: EmbeddedModel) -> None:
    with pytest.warns(UserWarning, match="is longer than the .* tokens that the model reads"):
        embedded = model.embed_text(["rain " * 2_000, "rain"])
    torch.testing.assert_close(embedded.norm(dim=-1), torch.ones(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(embedded[1:], model.embed_text(["rain"]), atol=1e-5, rtol=0)


# --- sound ------------------------------------------------------------------------------------------------------------


def test_windows_become_unit_vectors(model: EmbeddedModel) -> None:
    windows = torch.cat([noise(2), torch.zeros(1, SAMPLES), torch.ones(1, SAMPLES), 1e4 * noise(1)])
    embedded = model.embed_audio(windows)
    assert embedded.shape == (5, model.dim) and embedded.dtype == torch.float32
    torch.testing.assert_close(embedded.norm(dim=-1), torch.ones(5), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_a_window_alone_and_in_a_batch_are_one(model: EmbeddedModel) -> None:
    windows = noise(4)
    alone = torch.cat([model.embed_audio(window[None]) for window in windows])
    torch.testing.assert_close(alone, model.embed_audio(windows), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(SAMPLES,), (1, SAMPLES - 1), (1, SAMPLES + 1), (1, 1, SAMPLES), (2, 0)])
def test_a_window_of_another_length_is_refused(model: EmbeddedModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"windows must be \[batch, {SAMPLES}\], got"):
        model.embed_audio(torch.zeros(shape))


@pytest.mark.slow
def test_mel_filters_are_htks() -> None:
    """Straight in mel where librosa's are straight in hertz: the same bands, and nearly the same slopes."""
    ours = mel_filters().numpy().T
    theirs = librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=FFT, n_mels=BANDS, fmin=LOWEST, fmax=HIGHEST, htk=True, norm=None
    )
    assert ours.shape == theirs.shape == (BANDS, FFT // 2 + 1)
    assert ours.min() >= 0 and ours.max() <= 1
    assert (ours[:, 0] == 0).all()
    assert np.abs(ours - theirs).max() < 0.06
    wide = ours.sum(axis=1) > 2  # low bands are narrower than a bin
    overlap = (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert wide.sum() > BANDS / 2 and overlap[wide].min() > 0.999


@pytest.mark.slow
def test_log_mel_is_its_definition() -> None:
    waves = noise(2)
    picture = log_mel(waves, mel_filters(), torch.hann_window(FRAME)).numpy()
    assert picture.shape == (2, (SAMPLES - FRAME) // HOP + 1, BANDS)
    magnitudes = np.stack(
        [
            np.abs(
                librosa.stft(wave.numpy(), n_fft=FFT, hop_length=HOP, win_length=FRAME, window="hann", center=False)
            ).T
            for wave in waves
        ]
    )
    # librosa sets the short window in the middle of the transform's length, which delays it by some samples
    late = (FFT - FRAME) // 2
    shifted = log_mel(waves[:, late:], mel_filters(), torch.hann_window(FRAME)).numpy()
    expected = np.log(magnitudes @ mel_filters().numpy() + 0.001)
    frames = min(expected.shape[1], shifted.shape[1])
    np.testing.assert_allclose(shifted[:, :frames], expected[:, :frames], atol=1e-3)


@pytest.mark.parametrize("hertz", [250.0, 1_000.0, 4_000.0])
def test_a_tone_lights_up_its_band(hertz: float) -> None:
    wave = torch.sin(2 * torch.pi * hertz * torch.arange(SAMPLE_RATE) / SAMPLE_RATE)[None]
    picture = log_mel(wave, mel_filters(), torch.hann_window(FRAME))
    centres = librosa.mel_frequencies(BANDS + 2, fmin=LOWEST, fmax=HIGHEST, htk=True)[1:-1]
    assert abs(int(picture[0].mean(dim=0).argmax()) - int(np.abs(centres - hertz).argmin())) <= 1


# --- text -------------------------------------------------------------------------------------------------------------


def test_texts_become_unit_vectors(model: EmbeddedModel) -> None:
    embedded = model.embed_text(TEXTS)
    assert embedded.shape == (len(TEXTS), model.dim) and embedded.dtype == torch.float32
    torch.testing.assert_close(embedded.norm(dim=-1), torch.ones(len(TEXTS)), atol=1e-5, rtol=0)


def test_padding_changes_nothing(model: EmbeddedModel) -> None:
    alone = torch.cat([model.embed_text([text]) for text in TEXTS])
    torch.testing.assert_close(alone, model.embed_text(TEXTS), atol=1e-5, rtol=0)


def test_different_texts_differ(model: EmbeddedModel) -> None:
    embedded = model.embed_text(TEXTS)
    likeness = (embedded @ embedded.T).fill_diagonal_(0)
    assert likeness.max() < 0.999


def test_meaning_is_near_where_words_are_not(model: EmbeddedModel) -> None:
    dog, puppy, rain = model.embed_text(["a dog barks", "the puppy is yapping", "heavy rain on a roof"])
    assert dog @ puppy > dog @ rain + 0.2


def test_a_long_text_is_cut(model: EmbeddedModel) -> None:
    tokens = model.text.tokenize(["rain " * 1_000])
    assert tokens.ids.shape == tokens.mask.shape == (1, TEXT_TOKENS)
    torch.testing.assert_close(
        model.embed_text(["rain " * 1_000]), model.embed_text(["rain " * TEXT_TOKENS]), atol=1e-6, rtol=0
    )


# --- the text tower, opened in the middle -----------------------------------------------------------------------------


def test_the_open_text_tower_gives_what_embed_text_gives(model: EmbeddedModel) -> None:
    tokens = model.text.tokenize(TEXTS)
    assert tokens.ids.shape == tokens.mask.shape and tokens.ids.dtype == tokens.mask.dtype == torch.int64
    embeddings = model.text.token_embeddings(tokens.ids)
    assert embeddings.shape == (*tokens.ids.shape, model.text.context_dim)
    torch.testing.assert_close(model.text.encode(embeddings, tokens.mask), model.embed_text(TEXTS), atol=1e-6, rtol=0)


def test_a_gradient_reaches_the_token_embeddings_that_count(model: EmbeddedModel) -> None:
    tokens = model.text.tokenize(["rain", "This is a sound of rain."])
    embeddings = model.text.token_embeddings(tokens.ids).clone().requires_grad_()
    model.text.encode(embeddings, tokens.mask)[:, 0].sum().backward()
    assert embeddings.grad is not None
    reached = embeddings.grad.abs().sum(dim=-1) > 0
    assert (reached == tokens.mask.bool()).all()


def test_the_gradient_is_right(model: EmbeddedModel) -> None:
    """A small step along the gradient changes the cosine with a target as much as the gradient says."""
    tokens = model.text.tokenize(["the sound of rain"])
    target = model.embed_text(["a dog barks"])[0].clone()
    start = model.text.token_embeddings(tokens.ids).clone().requires_grad_()
    cosine = model.text.encode(start, tokens.mask)[0] @ target
    (gradient,) = torch.autograd.grad(cosine, start)
    step = 1e-3 * gradient / gradient.norm()
    with torch.no_grad():
        ahead, behind = (model.text.encode(start + sign * step, tokens.mask)[0] @ target for sign in (1, -1))
    assert float(ahead - behind) == pytest.approx(float(2 * (gradient * step).sum()), rel=0.05)


def test_nothing_in_the_model_can_be_trained_by_accident(model: EmbeddedModel) -> None:
    parameters = [*model.audio.parameters(), *model.text.parameters()]
    assert parameters and not any(parameter.requires_grad for parameter in parameters)
    assert not model.audio.training and not model.text.training


# --- the same again, and what can go wrong ----------------------------------------------------------------------------

CHECKOUT = Path(__file__).resolve().parents[3]
FINGERPRINT = """
import hashlib
import numpy as np
from audioprompt.encoding.encoder import embed_clip
from audioprompt.models.embedded import EmbeddedModel

model = EmbeddedModel("cpu")
samples = np.random.default_rng(0).uniform(-1, 1, (44_100 * 8, 2)).astype(np.float32)
clip = embed_clip(model, (44_100, samples))
text = model.embed_text(["the sound of rain", "rain"]).numpy()
print(model.revision, hashlib.sha256(clip.windows.tobytes() + clip.pooled.tobytes() + text.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_two_processes_agree_to_the_last_bit() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT], cwd=CHECKOUT, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].split()[1]) == len(hashlib.sha256().hexdigest())


def test_the_sound_matters(model: EmbeddedModel) -> None:
    loud, other = (embed_clip(model, (SAMPLE_RATE, noise(1, seed)[0].numpy())).pooled for seed in range(2))
    assert not np.array_equal(loud, other)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the model's files, to be damaged."""
    return Path(shutil.copytree(asset_folder("embedded"), tmp_path / "embedded"))


def test_a_copy_is_the_same_model(model: EmbeddedModel, copy: Path) -> None:
    other = EmbeddedModel("cpu", copy)
    assert other.revision == model.revision
    assert torch.equal(other.embed_text(["rain"]), model.embed_text(["rain"]))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
@pytest.mark.slow
def test_missing_and_broken_files_are_told(copy: Path, name: str, damage: str) -> None:
    file = copy / name
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes(b"" if damage == "empty" else content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"bundled model in embedded/ cannot be loaded .*install audioprompt again"):
        EmbeddedModel("cpu", copy)


@pytest.mark.parametrize("name", ["audio.safetensors", "text.safetensors"])
def test_a_weight_that_is_missing_is_told(copy: Path, name: str) -> None:
    """Left as it was drawn at random, it would only lower the accuracy."""
    tensors = load_file(copy / name)
    dropped = next(key for key in tensors if key.endswith(".weight"))
    save_file({key: tensor for key, tensor in tensors.items() if not key.startswith(dropped)}, copy / name)
    with pytest.raises(ModelError, match="cannot be loaded"):
        EmbeddedModel("cpu", copy)


@pytest.mark.parametrize(("name", "weight"), [("audio.safetensors", "scores.bias"), ("space.safetensors", "names")])
@pytest.mark.slow
def test_other_weights_are_another_revision(model: EmbeddedModel, copy: Path, name: str, weight: str) -> None:
    tensors = load_file(copy / name)
    tensors[weight] = tensors[weight].flip(0).contiguous()
    save_file(tensors, copy / name)
    assert EmbeddedModel("cpu", copy).revision != model.revision


def test_packed_weights_are_unpacked() -> None:
    rows = torch.tensor([[1.0, -0.5], [0.02, 0.01]])
    scale = rows.abs().amax(dim=1) / 127
    stored = {"w": (rows / scale[:, None]).round().to(torch.int8), "w.scale": scale.half(), "b": torch.ones(2).half()}
    found = unpack(stored)
    assert set(found) == {"w", "b"} and found["b"].dtype == torch.float32
    torch.testing.assert_close(found["w"], rows, atol=1e-2, rtol=1e-2)
