"""Wav2CLIP: sound put into the space of CLIP by distillation from its image tower, and CLIP's own text tower.

The embeddings are those of the package ``wav2clip`` for one recording of the same samples, normalised. What differs:
the package normalises the spectrograms of a batch together, so that a recording's embedding depends on its neighbours;
here each window is normalised by itself.

Wu et al. 2022, "Wav2CLIP: Learning Robust Audio Representations From CLIP" (arXiv 2110.11499).
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models.clip_text import WIDTH, ClipText, from_hub
from audioprompt.models.downloads import Progress, web_file
from audioprompt.models.resnet import BasicBlock, ResNet
from audioprompt.models.towers import TwoTowers
from audioprompt.models.weights import companion, fill, read_tensors, revision

ADDRESS = "https://github.com/descriptinc/lyrebird-wav2clip/releases/download/v0.1.0-alpha/Wav2CLIP.pt"
CLIP = "openai/clip-vit-base-patch32"
CLIP_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first of them that there is
CLIP_SCALE = 100.0  # of CLIP itself, at which its training clips it; Wav2CLIP's file brings none for texts
DIM = 512
PREFIXES = ("audio_encoder.", "audio_transform.")  # what else is in the file belongs to its training


class Spectrogram(nn.Module):
    """The logarithm of a power spectrogram, each window's with mean 0 and deviation 1."""

    window: Tensor

    def __init__(self, size: int = 512, hop: int = 353) -> None:
        super().__init__()
        self.size, self.hop = size, hop
        self.register_buffer("window", torch.hann_window(size))

    def forward(self, windows: Tensor) -> Tensor:
        """``[B, samples]`` -> ``[B, 1, frequencies, frames]``."""
        with torch.autocast(windows.device.type, enabled=False):  # powers do not fit into half precision
            spectrum = torch.stft(windows, self.size, self.hop, window=self.window, return_complex=True)
            pictures = (spectrum.abs().square() + 1e-7).log()
            pictures = pictures - pictures[:, :1, :1]  # of silence leaves 0 exactly, and no rounding to blow up
            mean, deviation = pictures.mean(dim=(1, 2), keepdim=True), pictures.std(dim=(1, 2), keepdim=True)
            return ((pictures - mean) / (deviation + 1e-9))[:, None]


class Encoder(ResNet):
    """ResNet-18 on a spectrogram."""

    def __init__(self) -> None:
        super().__init__(BasicBlock, (2, 2, 2, 2), channels=1)
        self.spectrogram = Spectrogram()

    def forward(self, windows: Tensor) -> Tensor:
        """``[B, samples]`` -> ``[B, 512]``."""
        found = self.stem(self.spectrogram(windows))
        for layer in self.layers():
            found = layer(found)
        return found.mean(dim=(2, 3))


class Towers(nn.Module):
    """The audio tower and its projection with the names of the published file, and the text tower."""

    def __init__(self) -> None:
        super().__init__()
        self.audio_encoder = Encoder()
        layers = nn.Linear(DIM, DIM), nn.ReLU(), nn.Dropout(0.1), nn.Linear(DIM, DIM)
        self.audio_transform = nn.ModuleDict({"sequential": nn.Sequential(*layers)})
        self.text = ClipText(nn.Linear(WIDTH, DIM, bias=False))


class Wav2Clip(TwoTowers):
    """The model behind the common interface; `load_wav2clip` makes it."""

    sample_rate = 16_000
    window_seconds = 10.0  # as it was trained; any length would do
    dim = DIM
    logit_scale = CLIP_SCALE

    def __init__(self, name: str, towers: Towers, revision: str, device: str) -> None:
        self.name, self.revision, self.device = name, revision, device
        self.towers = towers.eval().requires_grad_(False).to(device)
        self.text = self.towers.text

    def hear(self, windows: Tensor) -> Tensor:
        return self.towers.audio_encoder(windows)

    def project(self, features: Tensor) -> Tensor:
        return functional.normalize(self.towers.audio_transform["sequential"](features), dim=-1)


def load_wav2clip(
    name: str = "wav2clip", device: str = "cpu", weights: Path | None = None, progress: Progress | None = None
) -> Wav2Clip:
    """Load the model.

    Args:
        name: what the model is called.
        device: "cpu", "cuda:0", "mps".
        weights: the published ``Wav2CLIP.pt`` on this machine; CLIP's files may lie beside it.
        progress: called while weights are downloaded.

    Raises:
        ModelError: the weights cannot be had, are damaged, or belong to another model.
    """
    stored = read_tensors(weights or web_file(ADDRESS, progress))
    clip = companion(weights, CLIP, *CLIP_WEIGHTS, progress=progress)
    vocabulary = companion(weights, CLIP, "tokenizer.json")
    towers = Towers()
    texts = {f"text.{key}": tensor for key, tensor in from_hub(read_tensors(clip)).items()}
    fill(towers, {key: value for key, value in stored.items() if key.startswith(PREFIXES)} | texts, name)
    towers.text.tokenizer = towers.text.tokenizer_from(vocabulary)
    return Wav2Clip(name, towers, revision(towers, vocabulary), device)
