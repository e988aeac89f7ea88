"""Wav2CLIP and AudioCLIP on random weights of the published layout, against others' code and against formulas."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.signal import get_window
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from audioprompt.models import audioclip, wav2clip
from audioprompt.models.audioclip import AudioClip, load_audioclip
from audioprompt.models.base import ModelError
from audioprompt.models.compat.torchaudio_stand_in import importable_torchaudio
from audioprompt.models.contract import main
from audioprompt.models.wav2clip import Wav2Clip, load_wav2clip
from tests.unit.models import tokenizers_trained

pytestmark = pytest.mark.slow

TEXTS = ["dog", "A loud sound of a violin, coming from an opera!", "", "a hushed cough"]
PUBLISHED_BYTES = 537_302_068  # of AudioCLIP-Full-Training.pt
VISUAL = 38_316_896 + 53_248, 55  # numbers of CLIP ResNet-50's image tower with its norms' statistics, and counters


class OpenAiText(nn.Module):
    """CLIP's text transformer with the names and parts of OpenAI's own files, as a plain causal transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(49_408, 512)
        self.positional_embedding = nn.Parameter(0.1 * torch.randn(77, 512))
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleList(self.block() for _ in range(12))})
        self.ln_final = nn.LayerNorm(512)
        self.text_projection = nn.Parameter(torch.randn(512, 1024) / 20)

    @staticmethod
    def block() -> nn.ModuleDict:
        mlp = nn.ModuleDict({"c_fc": nn.Linear(512, 2048), "c_proj": nn.Linear(2048, 512)})
        attention = nn.MultiheadAttention(512, 8, batch_first=True)
        return nn.ModuleDict({"attn": attention, "ln_1": nn.LayerNorm(512), "mlp": mlp, "ln_2": nn.LayerNorm(512)})

    def forward(self, ids: Tensor) -> Tensor:
        """``[1, L]`` -> ``[1, 1024]``, read at the last token."""
        x = self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]]
        ahead = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
        for block in self.transformer["resblocks"]:  # type: ignore[attr-defined]
            normed = block["ln_1"](x)
            x = x + block["attn"](normed, normed, normed, attn_mask=ahead, need_weights=False)[0]
            wide = block["mlp"]["c_fc"](block["ln_2"](x))
            x = x + block["mlp"]["c_proj"](wide * torch.sigmoid(1.702 * wide))
        return self.ln_final(x)[:, -1] @ self.text_projection


def unsettled(module: nn.Module) -> dict[str, Tensor]:
    """The state of a module whose norms have something to do."""
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif name.endswith(("running_mean", "bias")):
            value.normal_(std=0.1)
    return module.state_dict()


def sounds(model: Any) -> Tensor:
    """Noise, a falling tone and silence."""
    time = torch.arange(round(model.sample_rate * model.window_seconds)) / model.sample_rate
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(0))
    return torch.stack([0.1 * noise, 0.5 * torch.sin(6.3 * (2000 - 50 * time) * time), 0 * time])


# --- Wav2CLIP ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wav2clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is published: the tensors by name, some of them of the training; and CLIP's files beside it."""
    folder = tmp_path_factory.mktemp("wav2clip")
    tokenizers_trained.clip(folder)
    torch.manual_seed(0)
    towers = wav2clip.Towers()
    stored = {name: value for name, value in unsettled(towers).items() if not name.startswith("text.")}
    torch.save(stored | {"loss_fn_a.logit_scale": torch.zeros(())}, folder / "Wav2CLIP.pt")
    clip = clip_of_transformers(folder)
    for name, value in clip.state_dict().items():
        if value.ndim == 2 and "embedding" not in name:
            value.mul_(3)  # as they begin, texts hardly differ
    unused = {"vision_model.post_layernorm.weight": torch.ones(3), "logit_scale": torch.zeros(())}
    old = {"text_model.embeddings.position_ids": torch.arange(77)[None]}
    torch.save(clip.state_dict() | unused | old, folder / "pytorch_model.bin")
    return folder / "Wav2CLIP.pt"


def clip_of_transformers(folder: Path) -> CLIPTextModelWithProjection:
    end = Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id("<|endoftext|>")
    return CLIPTextModelWithProjection(CLIPTextConfig(eos_token_id=end)).eval()


@pytest.fixture(scope="module")
def wav2clip_model(wav2clip_file: Path) -> Wav2Clip:
    return load_wav2clip(weights=wav2clip_file)


def test_wav2clips_texts_are_those_of_transformers(wav2clip_file: Path, wav2clip_model: Wav2Clip) -> None:
    clip = clip_of_transformers(wav2clip_file.parent)
    clip.load_state_dict(torch.load(wav2clip_file.with_name("pytorch_model.bin")), strict=False)
    tokens = wav2clip_model.text.tokenize(TEXTS)
    with torch.no_grad():
        expected = clip(input_ids=tokens.ids, attention_mask=tokens.mask).text_embeds
    ours = wav2clip_model.embed_text(TEXTS)
    torch.testing.assert_close(ours, functional.normalize(expected, dim=-1), atol=1e-5, rtol=0)
    assert (ours @ ours.T - torch.eye(len(ours))).max() < 0.99, "the comparison means something only if texts differ"


def test_wav2clips_sounds_are_those_of_its_package(wav2clip_file: Path, wav2clip_model: Wav2Clip) -> None:
    theirs = import_wav2clip()
    made = theirs.ResNetExtractor(checkpoint=torch.load(wav2clip_file), scenario="frozen", transform=True)
    windows = sounds(wav2clip_model)[:2]  # of silence theirs is what rounding leaves
    with torch.no_grad():
        expected = torch.cat([made(window[None]) for window in windows])
    ours = wav2clip_model.embed_audio(windows)
    torch.testing.assert_close(ours, functional.normalize(expected, dim=-1), atol=1e-5, rtol=0)
    assert (ours[0] - ours[1]).abs().max() > 1e-3
    with torch.no_grad():
        assert (made(windows) - expected).abs().max() > 1e-3, "theirs depends on the batch"


def import_wav2clip() -> Any:
    """The model of the package; where torchaudio cannot be imported, its spectrogram as documented takes its place."""

    class Spectrogram(nn.Module):
        window: Tensor

        def __init__(self, n_fft: int, hop_length: int) -> None:
            super().__init__()
            self.size, self.hop = n_fft, hop_length
            self.register_buffer("window", torch.hann_window(n_fft))

        def forward(self, x: Tensor) -> Tensor:
            found = torch.stft(x.flatten(0, 1), self.size, self.hop, window=self.window, return_complex=True)
            return found.abs().pow(2).unflatten(0, x.shape[:2])

    with importable_torchaudio():
        torchaudio = sys.modules["torchaudio"]
        if not hasattr(sys.modules["torchaudio.transforms"], "Spectrogram"):
            torchaudio.transforms = SimpleNamespace(Spectrogram=Spectrogram)  # type: ignore[attr-defined]
        return pytest.importorskip("wav2clip.model.encoder", reason="the package wav2clip is not installed")


def test_silence_is_not_what_rounding_leaves(wav2clip_model: Wav2Clip) -> None:
    pictures = wav2clip_model.towers.audio_encoder.spectrogram(torch.stack([torch.zeros(160_000)] * 2))
    assert not pictures.any()


# --- AudioCLIP --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text() -> OpenAiText:
    torch.manual_seed(1)
    return OpenAiText().eval()


@pytest.fixture(scope="module")
def audioclip_file(text: OpenAiText, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is published, but for the image tower, of which there is one entry."""
    folder = tmp_path_factory.mktemp("audioclip")
    tokenizers_trained.clip(folder)
    torch.manual_seed(0)
    audio = audioclip.EsResNeXt()
    stored = {f"audio.{name}": value for name, value in unsettled(audio).items()}
    stored["audio.fbsp.m"].uniform_(0, 3)
    stored["audio.fbsp.fb"].uniform_(0.5, 2)
    stored |= {"audio.fbsp.bias": torch.empty(0), "visual.conv1.weight": torch.zeros(32, 3, 3, 3)}
    scales = {name: torch.tensor(3.0) for name in ("logit_scale", "logit_scale_ai", "logit_scale_at")}
    torch.save(stored | text.state_dict() | scales, folder / "AudioCLIP-Full-Training.pt")
    return folder / "AudioCLIP-Full-Training.pt"


@pytest.fixture(scope="module")
def audioclip_model(audioclip_file: Path) -> AudioClip:
    return load_audioclip(weights=audioclip_file)


def test_audioclips_texts_are_those_of_openais_transformer(text: OpenAiText, audioclip_model: AudioClip) -> None:
    tokens = audioclip_model.text.tokenize(TEXTS)
    with torch.no_grad():
        expected = torch.cat([text(ids[mask.bool()][None]) for ids, mask in zip(tokens.ids, tokens.mask, strict=True)])
    ours = audioclip_model.embed_text(TEXTS)
    torch.testing.assert_close(ours, functional.normalize(expected, dim=-1), atol=1e-5, rtol=0)
    assert (ours @ ours.T - torch.eye(len(ours))).max() < 0.99
    assert audioclip_model.logit_scale == pytest.approx(math.exp(3))


def test_the_layout_is_the_published_one() -> None:
    """Shapes as the authors' modules have them, and with CLIP's image tower as many bytes as their file has."""
    state = audioclip.Towers().state_dict()
    expected = {
        "audio.conv1.weight": (64, 3, 7, 7),
        "audio.layer1.0.conv2.weight": (128, 4, 3, 3),
        "audio.layer4.2.conv3.weight": (2048, 1024, 1, 1),
        "audio.layer2.0.downsample.1.running_var": (512,),
        "audio.att1.conv_depth.weight": (64, 1, 3, 1),
        "audio.att2.conv_point.weight": (512, 256, 1, 1),
        "audio.att5.conv_depth.weight": (2048, 1, 3, 5),
        "audio.att5.bn.weight": (2048,),
        "audio.fc.weight": (1024, 2048),
        "audio.fbsp.fc": (1025,),
        "audio.window": (1654,),
    }
    assert {name: tuple(state[name].shape) for name in expected} == expected
    numbers = sum(value.numel() for value in state.values() if value.is_floating_point()) + VISUAL[0] + 2
    counters = sum(not value.is_floating_point() for value in state.values()) + VISUAL[1]
    assert 0 < PUBLISHED_BYTES - 4 * numbers - 8 * counters < 400_000, "what is left are the names"


def test_pictures_are_the_formulas(audioclip_model: AudioClip) -> None:
    audio = audioclip_model.towers.audio
    window = sounds(audioclip_model)[0]
    pictures = audio.pictures(window[None])[0].double().numpy()
    m, fb, fc = (value.double().numpy()[:, None] for value in (audio.fbsp.m, audio.fbsp.fb, audio.fbsp.fc))
    time = np.pi * np.linspace(-1, 1, 2048) + 1e-8
    envelope = np.emath.power(np.sinc(fb * time / (m + 1e-8) / np.pi) + 0j, m)
    wavelets = np.sqrt(fb) * envelope * np.exp(-1j * fc * time) / np.sqrt(2048)
    scaled = np.concatenate([np.zeros(252), (window.double().numpy() * 65_536 + 1) / 65_535, np.zeros(253)])
    assert pictures.shape == (3, 341, 392)
    for frame in (0, 200, 391):
        framed = np.zeros(2048)
        framed[197 : 197 + 1654] = scaled[frame * 561 : frame * 561 + 1654] * get_window("blackmanharris", 1654)
        expected = 10 * np.log10(np.abs(wavelets @ framed)[:1023] ** 2)
        np.testing.assert_allclose(pictures[:, :, frame].ravel(), expected, atol=0.05)


def test_each_layer_is_what_its_weights_say(audioclip_model: AudioClip) -> None:
    """The first layer of the network and its attention, by torch's functions and the entries of the file."""
    audio = audioclip_model.towers.audio
    state = audio.state_dict()

    def norm(x: Tensor, name: str) -> Tensor:
        names = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(x, *(state[f"{name}.{one}"] for one in names))

    def conv(x: Tensor, name: str, **how: Any) -> Tensor:
        return functional.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **how)

    x = norm(conv(torch.randn(1, 3, 60, 70), "conv1", stride=2, padding=3), "bn1").relu()
    before = functional.max_pool2d(x, 3, 2, 1)
    pictures, x = before, before
    for number in range(3):
        name = f"layer1.{number}"
        deep = norm(conv(x, f"{name}.conv1"), f"{name}.bn1").relu()
        deep = norm(conv(deep, f"{name}.conv2", padding=1, groups=32), f"{name}.bn2").relu()
        deep = norm(conv(deep, f"{name}.conv3"), f"{name}.bn3")
        x = (deep + (norm(conv(x, f"{name}.downsample.0"), f"{name}.downsample.1") if number == 0 else x)).relu()
    heeded = conv(conv(before, "att1.conv_depth", padding=(1, 0), groups=64), "att1.conv_point")
    expected = x * norm(heeded, "att1.bn").sigmoid()
    with torch.no_grad():
        found = audio.get_submodule("att1")(pictures, audio.get_submodule("layer1")(pictures))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


# --- both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wav2clip", "audioclip"])
def test_it_keeps_the_contract(name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    weights = request.getfixturevalue(f"{name}_file")
    assert main([name, "--weights", str(weights)]) == 0, capsys.readouterr().out


def test_cliptexts_weights_may_be_safetensors(wav2clip_file: Path, wav2clip_model: Wav2Clip, tmp_path: Path) -> None:
    for name in ("Wav2CLIP.pt", "tokenizer.json"):
        (tmp_path / name).symlink_to(wav2clip_file.with_name(name))
    stored = torch.load(wav2clip_file.with_name("pytorch_model.bin"))
    save_file(stored, tmp_path / "model.safetensors")
    assert load_wav2clip(weights=tmp_path / "Wav2CLIP.pt").revision == wav2clip_model.revision


@pytest.mark.parametrize("load", [load_wav2clip, load_audioclip])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weight": torch.zeros(1)}, r"These are not the weights of \w+, entries \d+ missing"),
        ({"state_dict": {}, "epoch": 3}, "does not hold tensors by their names alone"),
        (None, "is damaged, or holds more than tensors"),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence(
    load: Callable[..., Any], content: Any, message: str, wav2clip_file: Path, tmp_path: Path
) -> None:
    for name in ("pytorch_model.bin", "tokenizer.json"):
        (tmp_path / name).symlink_to(wav2clip_file.with_name(name))
    if content is None:
        (tmp_path / "weights.pt").write_bytes(b"<html>404</html>")
    else:
        torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=message) as error:
        load(weights=tmp_path / "weights.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("load", [load_wav2clip, load_audioclip])
def test_what_lies_not_beside_the_weights_is_named(
    load: Callable[..., Any], wav2clip_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    torch.save({}, tmp_path / "weights.pt")
    (tmp_path / "pytorch_model.bin").symlink_to(wav2clip_file.with_name("pytorch_model.bin"))
    with pytest.raises(ModelError, match=r"need the tokenizer.json of openai/clip-vit-base-patch32, which is neither"):
        load(weights=tmp_path / "weights.pt")
