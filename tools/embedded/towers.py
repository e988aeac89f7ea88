"""The next edition of the bundled model, until it is good enough to ship: the towers that the recipe here trains.

The audio tower looks at the teacher's own picture of a sound and answers as the teacher does: features, then scores of
527 sounds. A window's embedding adds up the *directions* of the sounds that stand out of their usual scores, so that a
sound does not leak to the neighbours of its name. The text tower is multilingual-e5-small with four bits a weight.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models import embedded
from audioprompt.models.bert import Bert
from audioprompt.models.embedded import BLOCKS, FILES, STEM, Block, EmbeddedModel
from audioprompt.models.text import TextTokenizer

SAMPLE_RATE = 32_000
BANDS = 128  # of the log-mel picture, which the teacher saw too
FRAME, HOP, FFT = 800, 320, 1024  # samples
HIGHEST = 15_000.0  # Hz
EMPHASIS = 0.97  # share of a sample that is taken off the next: what is high counts more
SOUNDS = 527  # classes the audio tower scores
COARSE = 64  # bands the net looks at
COARSE_LOWEST, COARSE_HIGHEST = 125.0, 7500.0  # Hz
PATCH = 96  # frames the net looks at in one go: 0.96 s
STRIDE = 48  # frames from one patch to the next
FEATURES = 384  # of what is heard in a patch
RMS_TO_MEAN = 0.89  # of the magnitudes of noise
FLOOR = 1e-5  # what the picture adds to every power
HEARD = 1.0  # deviations above a sound's usual score from which on it speaks for a window
DETAIL = embedded.DETAIL
DETAIL_WEIGHT = embedded.DETAIL_WEIGHT
TEXT_DIM = 384  # of the text tower


# --- audio tower ------------------------------------------------------------------------------------------------------


def mel_filters(bands: int, lowest: float, highest: float) -> Tensor:
    """Triangular filters evenly spaced in mel (HTK's formula), ``[FFT / 2 + 1, bands]``."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(hertz / 700.0)

    bins = mel(torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1, dtype=torch.float64))
    ends = mel(torch.tensor([lowest, highest], dtype=torch.float64)).tolist()
    edges = torch.linspace(ends[0], ends[1], bands + 2, dtype=torch.float64)
    rising = (bins[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp(min=0)
    filters[0] = 0  # no constant offset
    return filters.float()


def coarsening() -> tuple[Tensor, Tensor]:
    """How the net's 64 bands come out of the picture's 128: scales of the powers, and weights of their roots.

    A band's root, over its share of the spectrum and the emphasis there, is the magnitude of a bin; a coarse band is
    the sum of those magnitudes.
    """
    fine, coarse = mel_filters(BANDS, 0, HIGHEST), mel_filters(COARSE, COARSE_LOWEST, COARSE_HIGHEST)
    width = fine.sum(dim=0)
    angles = torch.linspace(0, torch.pi, FFT // 2 + 1)
    emphasis = 1 + EMPHASIS**2 - 2 * EMPHASIS * angles.cos()  # power of 1 - EMPHASIS / z
    scale = torch.where(width > 0, 1 / (fine * emphasis[:, None]).sum(dim=0).clamp(min=1e-9), torch.zeros(()))
    nearness = fine / fine.sum(dim=1, keepdim=True).clamp(min=1e-9)  # of bins to bands
    return scale, RMS_TO_MEAN / 2 * nearness.T @ coarse  # the net learned from half as many samples a frame


class LogMel(nn.Module):
    """The picture the net sees: ``[B, samples]`` at 32 kHz -> ``[B, frames, BANDS]``, logarithm of powers."""

    filters: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", mel_filters(BANDS, 0, HIGHEST), persistent=False)
        self.register_buffer("window", torch.hann_window(FRAME, periodic=False), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        with torch.autocast(waves.device.type, enabled=False):  # powers do not fit into half precision
            sharper = waves[:, 1:] - EMPHASIS * waves[:, :-1]
            padded = functional.pad(sharper[:, None], (FRAME // 2, FRAME // 2), mode="reflect")[:, 0]
            spectrum = torch.fft.rfft(padded.unfold(-1, FRAME, HOP) * self.window, FFT)
            powers = spectrum.real.square() + spectrum.imag.square()
            return ((powers @ self.filters + FLOOR).log() + 4.5) / 5


class AudioTower(nn.Module):
    """Windows of sound -> how strongly each of the 527 sounds is heard -> an embedding."""

    directions: Tensor
    usual: Tensor
    spread: Tensor
    scale: Tensor
    coarse: Tensor

    def __init__(self) -> None:
        super().__init__()
        channels = [STEM, *(outputs for outputs, _ in BLOCKS)]
        self.picture = LogMel()
        self.net = nn.Sequential(
            nn.Conv2d(1, STEM, 7, 4, 3, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(),
            *(Block(before, after, stride) for before, (after, stride) in zip(channels[:-1], BLOCKS, strict=True)),
        )
        self.features = nn.Sequential(nn.Linear(channels[-1], FEATURES), nn.Hardswish())
        self.judge = nn.Sequential(nn.Linear(FEATURES, 512), nn.Hardswish(), nn.Linear(512, SOUNDS))
        self.detail = nn.Linear(FEATURES, DETAIL)  # principal components of the features
        self.register_buffer("usual", torch.zeros(SOUNDS))  # each sound's mean score over the training pool
        self.register_buffer("spread", torch.ones(SOUNDS))  # and its standard deviation
        self.register_buffer("directions", torch.zeros(SOUNDS, TEXT_DIM), persistent=False)
        scale, coarse = coarsening()
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("coarse", coarse, persistent=False)

    def see(self, pictures: Tensor, stride: int = STRIDE) -> Tensor:
        """Log-mel pictures ``[B, frames, BANDS]`` -> what is heard over time, ``[B, patches, FEATURES]``."""
        powers = ((5 * pictures - 4.5).exp() - FLOOR).clamp(min=0)
        looked_at = ((powers * self.scale).sqrt() @ self.coarse + 0.001).log()
        patches = looked_at.unfold(1, PATCH, stride).transpose(2, 3)  # [B, patches, PATCH, COARSE]
        flat = patches.flatten(0, 1)[:, None].contiguous(memory_format=torch.channels_last)
        return self.features(self.net(flat).mean(dim=(2, 3))).unflatten(0, patches.shape[:2])

    def look(self, windows: Tensor) -> Tensor:
        """What is heard over time: ``[B, samples]`` -> ``[B, patches, FEATURES]``."""
        return self.see(self.picture(windows))

    def heard(self, logits: Tensor) -> Tensor:
        """How far each sound stands out of its usual scores, ``[B, SOUNDS]``."""
        return ((logits - self.usual) / self.spread - HEARD).relu()

    def project(self, seen: Tensor) -> Tensor:
        """What the net sees over time, ``[B, patches, FEATURES]``, into the shared space; -> ``[B, dim]``."""
        seen = seen.mean(dim=1)
        named = functional.normalize(self.heard(self.judge(seen)) @ self.directions, dim=-1)
        detail = functional.normalize(self.detail(seen), dim=-1)
        return functional.normalize(torch.cat([named, DETAIL_WEIGHT * detail], dim=-1), dim=-1)

    def forward(self, windows: Tensor) -> Tensor:
        """``[B, samples]`` -> ``[B, dim]``, L2-normalised."""
        return self.project(self.look(windows))


# --- text tower -------------------------------------------------------------------------------------------------------


class TextTower(embedded.TextTower):
    """multilingual-e5-small, and a fixed affine map from its sentence embeddings into the shared space."""

    def __init__(self, folder: Path) -> None:
        nn.Module.__init__(self)
        self.bert = Bert(json.loads((folder / FILES[0]).read_text()))
        self.bert.read(unpack(load_file(folder / FILES[2])))
        self.context_dim = self.bert.dim
        self.register_buffer("middle", torch.zeros(self.context_dim))
        self.register_buffer("whitening", torch.eye(self.context_dim))
        words = self.bert.words.num_embeddings
        self.tokenizer = TextTokenizer(folder / FILES[1], embedded.TEXT_TOKENS, words, end="</s>")


def unpack(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Undo the packing of ``tools/embedded``: float16, or four bits a value in blocks, become float32."""
    scales = {name.removesuffix(".scale"): scale for name, scale in stored.items() if name.endswith(".scale")}
    return {
        name: unpack_blocks(tensor, scales[name]) if name in scales else tensor.float()
        for name, tensor in stored.items()
        if not name.endswith(".scale")
    }


def unpack_blocks(pairs: Tensor, scales: Tensor) -> Tensor:
    """Values of four bits: ``[rows, columns / 2]`` bytes and ``[rows, columns / 32]`` scales -> ``[rows, columns]``.

    Each block of 16 bytes holds 32 values: those of the bytes' low halves, then those of the high ones.
    """
    blocks = pairs.unflatten(1, (-1, 16))
    values = torch.cat([blocks & 15, blocks >> 4], dim=-1).float() - 8
    return (values * scales.float()[..., None]).flatten(1)


# --- the model --------------------------------------------------------------------------------------------------------


class NextModel(EmbeddedModel):
    """Both towers behind the common interface, from a folder."""

    sample_rate = SAMPLE_RATE

    def __init__(self, folder: Path) -> None:
        self.device = "cpu"
        space = load_file(folder / FILES[3])
        text, audio = TextTower(folder), AudioTower()
        text.middle, text.whitening = space["middle"], space["whitening"]
        audio.directions = space["directions"].float()
        audio.load_state_dict(unpack(load_file(folder / FILES[4])))
        self.audio = audio.eval().requires_grad_(False)  # type: ignore[assignment]  # a tower of the same use
        self.text = text.eval().requires_grad_(False)
        self.dim = text.context_dim + DETAIL
        self.revision = hashlib.sha256(b"".join((folder / file).read_bytes() for file in FILES)).hexdigest()[:12]

    def project_audio(self, features: Tensor) -> Tensor:
        """Features into the shared space: ``[B, patches * FEATURES]`` -> ``[B, dim]``, L2-normalised."""
        return self.audio.project(features.unflatten(1, (-1, FEATURES)))
