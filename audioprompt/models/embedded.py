"""The bundled model: small, quick on a CPU, always at hand.

The audio tower is a convolutional net on a log-mel picture that scores the 521 sounds of AudioSet's ontology; a
window's embedding is the score-weighted mean of those sounds' *names*, as the text tower embeds them (ConSE, Norouzi
et al. 2013). The text tower is a sentence encoder (MiniLM). So sound meets text in the sentence encoder's own space,
and any wording of a prompt can be compared with a sound. Further dimensions hold what sets sounds apart but has no
name, for those who learn from a few clips; texts are zero there, so that prompts do not feel them.
``assets/embedded/MODEL_CARD.md`` says how it was trained and what it can do; ``tools/embedded/`` trains the next.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models.base import ModelError, Tokens
from audioprompt.models.bert import Bert
from audioprompt.models.text import TextTokenizer
from audioprompt.models.threads import one_thread
from audioprompt.models.towers import TwoTowers
from audioprompt.settings import asset_folder

SAMPLE_RATE = 16_000
WINDOW_SECONDS = 5.0
LOGIT_SCALE = 25.0  # for which named loops of the training pool get the likeliest probabilities

BANDS = 64  # of the log-mel picture
FRAME, HOP, FFT = 400, 160, 512  # samples
LOWEST, HIGHEST = 125.0, 7500.0  # Hz
PATCH = 96  # frames the net looks at in one go: 0.96 s
STRIDE = 48  # frames from one patch to the next
SOUNDS = 521  # classes the audio tower scores
KEPT = 10  # of them, the highest, that speak for a window
DETAIL = 128  # dimensions for what sets sounds apart but has no name; texts are zero there
DETAIL_WEIGHT = 2.0  # length of that part beside a named part of length one
TEXT_TOKENS = 128  # longest text, in tokens

# in assets/embedded: MiniLM, its map into the shared space with the sounds' names, and the audio tower
FILES = ["text_config.json", "tokenizer.json", "text.safetensors", "space.safetensors", "audio.safetensors"]


# --- audio tower ------------------------------------------------------------------------------------------------------


def mel_filters() -> Tensor:
    """Triangular filters evenly spaced in mel (HTK's formula), ``[FFT / 2 + 1, BANDS]``."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(hertz / 700.0)

    bins = mel(torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1, dtype=torch.float64))
    lowest, highest = mel(torch.tensor([LOWEST, HIGHEST], dtype=torch.float64)).tolist()
    edges = torch.linspace(lowest, highest, BANDS + 2, dtype=torch.float64)
    rising = (bins[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp(min=0)
    filters[0] = 0  # no constant offset
    return filters.float()


def log_mel(waves: Tensor, filters: Tensor, window: Tensor) -> Tensor:
    """Return the picture the net sees: ``[B, samples]`` at 16 kHz -> ``[B, frames, BANDS]``, logarithm of
    magnitudes.
    """
    frames = waves.unfold(-1, FRAME, HOP) * window
    magnitudes = torch.fft.rfft(frames, FFT).abs()
    return torch.log(magnitudes @ filters + 0.001)


class Block(nn.Module):
    """A depthwise-separable convolution, added to its input where the shapes allow it (MobileNet)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.adds = inputs == outputs and stride == 1

    def forward(self, picture: Tensor) -> Tensor:
        made = self.layers(picture)
        return torch.relu(picture + made if self.adds else made)


# output channels and stride of each block, after the stem: picture -> stem -> [64, 24, 16]
STEM = 64
BLOCKS = [(96, 1), (192, 2), (192, 1), (384, 2), (384, 1), (384, 1), (768, 2), (768, 1)]


class AudioTower(nn.Module):
    """Windows of sound -> how strongly each of the 521 sounds is heard -> an embedding."""

    names: Tensor
    weight: Tensor
    filters: Tensor
    window: Tensor

    def __init__(self, space: dict[str, Tensor]) -> None:
        super().__init__()
        channels = [STEM, *(outputs for outputs, _ in BLOCKS)]
        self.net = nn.Sequential(
            nn.Conv2d(1, STEM, 7, 4, 3, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(),
            *(Block(before, after, stride) for before, (after, stride) in zip(channels[:-1], BLOCKS, strict=True)),
        )
        self.scores = nn.Linear(channels[-1], SOUNDS)
        self.detail = nn.Linear(channels[-1], DETAIL)  # principal components of the net's features
        self.register_buffer("names", space["names"].float(), persistent=False)  # [521, 384]
        self.register_buffer("weight", space["weight"], persistent=False)  # [521], rarely heard sounds count more
        self.register_buffer("filters", mel_filters(), persistent=False)
        self.register_buffer("window", torch.hann_window(FRAME), persistent=False)

    def features(self, pictures: Tensor) -> Tensor:
        """Log-mel patches ``[P, PATCH, BANDS]`` -> ``[P, 768]``."""
        return self.net(pictures[:, None].contiguous(memory_format=torch.channels_last)).mean(dim=(2, 3))

    def direction(self, heard: Tensor) -> Tensor:
        """Where scores point in the shared space (ConSE): ``[B, 521]`` -> ``[B, 384]``, L2-normalised."""
        strongest, which = (heard * self.weight).topk(KEPT, dim=-1)
        return functional.normalize((strongest[..., None] * self.names[which]).sum(dim=1), dim=-1)

    def forward(self, windows: Tensor) -> Tensor:
        """``[B, samples]`` -> ``[B, 384 + DETAIL]``, L2-normalised."""
        return self.project(self.look(windows))

    def project(self, seen: Tensor) -> Tensor:
        """Bring what the net sees over time, ``[B, patches, 768]``, into the shared space; -> ``[B, 384 +
        DETAIL]``.
        """
        # below, the maximum over time: a short sound counts as much as a lasting one
        named = self.direction(self.scores(seen).sigmoid().amax(dim=1))
        detail = functional.normalize(self.detail(seen.amax(dim=1)), dim=-1)
        return functional.normalize(torch.cat([named, DETAIL_WEIGHT * detail], dim=-1), dim=-1)

    def look(self, windows: Tensor) -> Tensor:
        """Return what the net sees over time: ``[B, samples]`` -> ``[B, patches, 768]``."""
        with torch.autocast(windows.device.type, enabled=False):  # powers do not fit into half precision
            picture = log_mel(windows, self.filters, self.window)
        patches = picture.unfold(1, PATCH, STRIDE).transpose(2, 3)  # [B, patches, PATCH, BANDS]
        return self.features(patches.flatten(0, 1)).unflatten(0, patches.shape[:2])


# --- text tower -------------------------------------------------------------------------------------------------------


class TextTower(nn.Module):
    """MiniLM, and a fixed affine map from its sentence embeddings into the space that both towers share."""

    middle: Tensor
    whitening: Tensor

    def __init__(self, config: dict[str, Any], tokenizer_file: Path) -> None:
        super().__init__()
        self.bert = Bert(config)
        self.context_dim = self.bert.dim
        self.register_buffer("middle", torch.zeros(self.context_dim))
        self.register_buffer("whitening", torch.eye(self.context_dim))
        self.tokenizer = TextTokenizer(tokenizer_file, TEXT_TOKENS, self.bert.words.num_embeddings, end="[SEP]")

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        return self.tokenizer(texts, self.middle.device)

    def token_embeddings(self, ids: Tensor) -> Tensor:
        return self.bert.words(ids)

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        shared = functional.normalize((self.sentence(embeddings, mask) - self.middle) @ self.whitening, dim=-1)
        return functional.pad(shared, (0, DETAIL))

    def sentence(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """MiniLM's own sentence embedding: the mean of its last layer over the tokens, ``[T, 384]``, L2-normalised."""
        tokens = self.bert(embeddings, mask)
        weight = mask[..., None].to(tokens.dtype)
        return functional.normalize((tokens * weight).sum(dim=1) / weight.sum(dim=1), dim=-1)


def read_text_tower(folder: Path) -> TextTower:
    """Return the text tower without its map into the shared space, from the first three ``FILES`` in a folder."""
    tower = TextTower(json.loads((folder / FILES[0]).read_text()), folder / FILES[1])
    tower.bert.read(unpack(load_file(folder / FILES[2])))
    return tower


def unpack(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Undo the packing of ``tools/embedded``: int8 rows with a scale each become float32, as does float16."""
    scales = {name.removesuffix(".scale"): scale for name, scale in stored.items() if name.endswith(".scale")}
    return {
        name: tensor.float() * scales[name].float()[:, None] if name in scales else tensor.float()
        for name, tensor in stored.items()
        if not name.endswith(".scale")
    }


# --- the model --------------------------------------------------------------------------------------------------------


class EmbeddedModel(TwoTowers):
    """The bundled model behind the common interface.

    Raises:
        ModelError: its files are missing or broken.
    """

    name = "embedded"
    sample_rate = SAMPLE_RATE
    window_seconds = WINDOW_SECONDS
    logit_scale = LOGIT_SCALE
    text: TextTower

    def __init__(self, device: str = "cpu", folder: Path | None = None) -> None:
        folder = folder or asset_folder("embedded")
        self.device = device
        try:
            text = read_text_tower(folder)
            space = load_file(folder / FILES[3])
            text.middle, text.whitening = space["middle"], space["whitening"]
            audio = AudioTower(space)
            audio.load_state_dict(unpack(load_file(folder / FILES[4])))
            digest = hashlib.sha256(b"".join((folder / file).read_bytes() for file in FILES))
        except Exception as error:
            raise ModelError(
                f"The bundled model in {folder.name}/ cannot be loaded ({error}); install audioprompt again."
            ) from error
        self.audio = audio.eval().requires_grad_(False).to(device)
        self.text = text.eval().requires_grad_(False).to(device)
        self.dim = text.context_dim + DETAIL
        self.revision = digest.hexdigest()[:12]

    def hear(self, windows: Tensor) -> Tensor:
        with one_thread():
            return self.audio.look(windows).flatten(1)  # what the net sees in each patch, one after the other

    def project(self, features: Tensor) -> Tensor:
        return self.audio.project(features.unflatten(1, (-1, BLOCKS[-1][0])))
