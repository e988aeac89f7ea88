"""The bundled model against the interface's promises, whatever its weights are."""

import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import copy as copy_of
from copy import deepcopy
from pathlib import Path
from types import FunctionType

import librosa
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from audioprompt.encoding.encoder import embed_clip
from audioprompt.models.background import audioset_names, names_meant
from audioprompt.models.base import ModelError
from audioprompt.models.contract import check_model
from audioprompt.models.embedded import (
    BANDS,
    EMPHASIS,
    FFT,
    FILES,
    FRAME,
    HIGHEST,
    HOP,
    NAMES,
    SAMPLE_RATE,
    TEXT_DIM,
    TEXT_TOKENS,
    WORDS,
    EmbeddedModel,
    LogMel,
    Unpacked,
    mel_filters,
    unpack_blocks,
)
from audioprompt.models.mobilenet import FEATURES
from audioprompt.models.traced import OFTEN
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


def test_it_keeps_the_contract(model: EmbeddedModel) -> None:
    assert [result.line for result in check_model(model) if not result.kept] == []


def test_the_names_that_labels_are_held_against_were_read_once_for_all(copy: Path) -> None:
    shipped = EmbeddedModel("cpu", copy)
    names = sorted({*audioset_names(), *names_meant(audioset_names())})
    embedded = shipped.embed_text(names)
    assert "text" not in vars(shipped), "nothing had to be read"
    (copy / NAMES).unlink()
    torch.testing.assert_close(embedded, EmbeddedModel("cpu", copy).embed_text(names), atol=1e-5, rtol=0)
    mixed = shipped.embed_text(["a red dog", "dog", "a red dog"])
    assert torch.equal(mixed[1], embedded[names.index("dog")]) and torch.equal(mixed[0], mixed[2])


# --- sound ------------------------------------------------------------------------------------------------------------


def test_once_it_is_busy_it_hears_the_same_to_the_last_bit() -> None:
    model, sounds = EmbeddedModel("cpu"), [noise(1), noise(3)]
    before = [model.embed_audio(sound) for sound in sounds]
    plain = model._look._function
    with ThreadPoolExecutor(2) as threads:
        for _ in threads.map(model.embed_audio, [noise(1, seed) for seed in range(OFTEN)]):
            pass
    assert isinstance(plain, FunctionType) and not isinstance(model._look._function, FunctionType)
    for sound, embedded in zip(sounds, before, strict=True):
        assert torch.equal(model.embed_audio(sound), embedded)
    short, long = torch.randn(2, SAMPLE_RATE), torch.randn(1, 3 * SAMPLES)
    for windows in (short, long):  # of any length
        assert torch.equal(model.hear(windows), model.audio.look(windows).flatten(1))
    other = copy_of(model)  # with a tower of its own, as for few-shot methods that change it
    other.audio = deepcopy(model.audio)
    other.audio.picture.filters.mul_(2)
    assert torch.equal(other.hear(short), other.audio.look(short).flatten(1))


@pytest.mark.slow
@pytest.mark.parametrize("traced_with", [0, 1, 4])
def test_a_window_is_heard_the_same_whatever_is_beside_it(traced_with: int) -> None:
    model = EmbeddedModel()
    windows = torch.cat([noise(3), noise(2, 1).cumsum(dim=1) / 300, noise(2, 2) * torch.linspace(0, 1, SAMPLES)])
    alone = torch.cat([model.embed_audio(window[None]) for window in windows])
    for _ in range(OFTEN if traced_with else 0):
        model.embed_audio(windows[:traced_with])
    for size in (1, 2, 3, 4, 7):
        assert torch.equal(torch.cat([model.embed_audio(some) for some in windows.split(size)]), alone)


@pytest.mark.parametrize("shape", [(SAMPLES,), (1, SAMPLES - 1), (1, SAMPLES + 1), (1, 1, SAMPLES), (2, 0)])
def test_a_window_of_another_length_is_refused(model: EmbeddedModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"windows must be \[batch, {SAMPLES}\], got"):
        model.embed_audio(torch.zeros(shape))


def test_mel_filters_are_htks() -> None:
    """Straight in mel where librosa's are straight in hertz: the same bands, and nearly the same slopes."""
    ours = mel_filters().numpy().T
    theirs = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT, n_mels=BANDS, fmin=0, fmax=HIGHEST, htk=True, norm=None)
    assert ours.shape == theirs.shape == (BANDS, FFT // 2 + 1)
    assert ours.min() >= 0 and ours.max() <= 1
    assert (ours[:, 0] == 0).all()
    wide = ours.sum(axis=1) > 2  # low bands are narrower than a bin
    overlap = (ours * theirs).sum(axis=1)[wide] / np.linalg.norm(ours[wide], axis=1)
    assert wide.sum() > BANDS / 2 and (overlap / np.linalg.norm(theirs[wide], axis=1)).min() > 0.995


def test_log_mel_is_its_definition() -> None:
    waves = noise(2)
    picture = LogMel()(waves).numpy()
    assert picture.shape == (2, SAMPLES // HOP, BANDS)
    sharper = waves[:, 1:] - EMPHASIS * waves[:, :-1]
    padded = torch.nn.functional.pad(sharper[:, None], (FRAME // 2, FRAME // 2), mode="reflect")[:, 0].numpy()
    window = np.hanning(FRAME)  # whose ends are zero, as those of torch's symmetric one
    for frame in (0, 7, 499):
        cut = padded[:, frame * HOP : frame * HOP + FRAME] * window
        powers = np.abs(np.fft.rfft(cut, FFT)) ** 2
        expected = (np.log(powers @ mel_filters().numpy() + 1e-5) + 4.5) / 5
        np.testing.assert_allclose(picture[:, frame], expected, atol=1e-3)


@pytest.mark.parametrize("hertz", [250.0, 1_000.0, 4_000.0, 12_000.0])
def test_a_tone_lights_up_its_band(hertz: float) -> None:
    wave = torch.sin(2 * torch.pi * hertz * torch.arange(SAMPLE_RATE) / SAMPLE_RATE)[None]
    centres = librosa.mel_frequencies(BANDS + 2, fmin=0, fmax=HIGHEST, htk=True)[1:-1]
    assert abs(int(LogMel()(wave)[0].mean(dim=0).argmax()) - int(np.abs(centres - hertz).argmin())) <= 1


def test_what_is_heard_comes_in_steps_of_a_third_of_a_second(model: EmbeddedModel) -> None:
    windows = torch.zeros(1, SAMPLES)
    windows[:, SAMPLES // 2 :] = noise(1)[:, SAMPLES // 2 :]
    steps = model.audio.look(windows)
    assert steps.shape == (1, 16, FEATURES)
    torch.testing.assert_close(model.audio.project(steps), model.embed_audio(windows), atol=1e-6, rtol=0)
    changes = (steps[0, 1:] - steps[0, :-1]).norm(dim=-1)
    assert int(changes.argmax()) in (6, 7, 8)


def test_a_sound_does_not_leak_to_the_neighbours_of_its_name(model: EmbeddedModel) -> None:
    """A direction points to its own name more than to any other (ridge regression on the names)."""
    names = audioset_names()
    chosen = list(range(0, len(names), 40))
    texts = model.embed_text([names[number] for number in chosen])[:, :TEXT_DIM]
    likeness = texts @ torch.nn.functional.normalize(model.audio.directions[chosen], dim=-1).T
    assert (likeness.argmax(dim=1) == torch.arange(len(chosen))).float().mean() > 0.9


# --- text -------------------------------------------------------------------------------------------------------------


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


def test_the_text_tower_is_read_again_once_it_is_needed(model: EmbeddedModel) -> None:
    before, heard = model.embed_text(["rain", "a dog"]), model.embed_audio(noise(1, 0))
    model.forget_text()
    assert torch.equal(model.embed_audio(noise(1, 0)), heard) and "text" not in vars(model)
    assert torch.equal(model.embed_text(["rain", "a dog"]), before)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_text_tower_can_be_learned_through_wherever_it_is_read(device: str) -> None:
    model = EmbeddedModel(device)
    with torch.inference_mode():
        tower = model.text
    assert not any(weight.is_inference() for weight in (*tower.parameters(), *tower.buffers()))


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
        EmbeddedModel("cpu", copy).embed_text(["a red dog"])


@pytest.mark.parametrize("name", ["audio.safetensors", "text.safetensors"])
def test_a_weight_that_is_missing_is_told(copy: Path, name: str) -> None:
    """Left as it was drawn at random, it would only lower the accuracy."""
    tensors = load_file(copy / name)
    dropped = next(key for key in tensors if key.endswith(".weight"))
    save_file({key: tensor for key, tensor in tensors.items() if not key.startswith(dropped)}, copy / name)
    with pytest.raises(ModelError, match="cannot be loaded"):
        EmbeddedModel("cpu", copy).embed_text(["a red dog"])


@pytest.mark.parametrize(
    ("name", "weight"), [("audio.safetensors", "judge.2.bias"), ("space.safetensors", "directions")]
)
@pytest.mark.slow
def test_other_weights_are_another_revision(model: EmbeddedModel, copy: Path, name: str, weight: str) -> None:
    tensors = load_file(copy / name)
    tensors[weight] = tensors[weight].flip(0).contiguous()
    save_file(tensors, copy / name)
    other = EmbeddedModel("cpu", copy)
    assert other.revision != model.revision and not other._names


def test_packed_weights_are_unpacked() -> None:
    """Four bits a value in blocks of 32: the low halves of 16 bytes, then the high ones; a scale for each block."""
    low, high = torch.arange(16), torch.arange(16).flip(0)
    stored = {
        "w": (low | high << 4).to(torch.uint8)[None],
        "w.scale": torch.tensor([[0.5]]).half(),
        "b": torch.ones(2).half(),
    }
    found = Unpacked(stored)
    assert set(found) == {"w", "b"} and found["b"].dtype == torch.float32
    torch.testing.assert_close(found["w"], 0.5 * (torch.cat([low, high]).float() - 8)[None])


def test_labels_in_chinese_are_understood(model: EmbeddedModel) -> None:
    english = model.embed_text(["a dog barks", "heavy rain", "a baby crying", "a violin", "a helicopter"])
    chinese = model.embed_text(["狗叫声", "大雨声", "婴儿哭声", "小提琴", "直升机"])
    assert ((english @ chinese.T).argmax(dim=1) == torch.arange(5)).all()  # labels are all in one language


def test_words_are_unpacked_when_they_are_looked_up(model: EmbeddedModel) -> None:
    """All of them unpacked would take 75 MB."""
    stored = load_file(asset_folder("embedded") / FILES[2])
    whole = unpack_blocks(stored[WORDS], stored[f"{WORDS}.scale"])
    ids = torch.tensor([[5, 7, 49_050], [0, 5, 5]])
    torch.testing.assert_close(model.text.token_embeddings(ids), whole[ids], atol=0, rtol=0)
    held = [*model.text.parameters(), *model.text.buffers()]
    assert sum(tensor.nbytes for tensor in held) < whole.nbytes + 30_000_000
