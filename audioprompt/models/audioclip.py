"""AudioCLIP: ESResNeXt-fbsp beside the text tower of CLIP ResNet-50, trained together on AudioSet.

Sound is cut into frames that are transformed by a learned bank of frequency B-spline wavelets; the powers, in decibels
and in three bands, are the channels of a picture for a ResNeXt-50 with attention. A window is five seconds at full
scale 32,768, as the authors' own protocol for ESC-50 has it.

Guzhov et al. 2022, "AudioCLIP: Extending CLIP to Image, Text and Audio" (arXiv 2106.13043); Guzhov et al. 2021,
"ESResNe(X)t-fbsp: Learning Robust Time-Frequency Transformation of Audio" (arXiv 2104.11587).
"""

import math
from pathlib import Path

import numpy as np
import torch
from scipy.signal import get_window
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models.clip_text import WIDTH, ClipText, from_openai
from audioprompt.models.downloads import Progress, web_file
from audioprompt.models.resnet import PLANES, GroupedBottleneck, ResNet
from audioprompt.models.towers import TwoTowers
from audioprompt.models.weights import companion, fill, read_tensors, revision

ADDRESS = "https://github.com/AndreyGuzhov/AudioCLIP/releases/download/v0.1/AudioCLIP-Full-Training.pt"
CHECKSUM = "sha256:2441d35b353352c8b1bbfb8f7c687f46314c3d2909e940eaf763b8c17f632c44"  # in the authors' repository
CLIP = "openai/clip-vit-base-patch32"  # whose vocabulary is that of CLIP ResNet-50
DIM = 1024
FFT, WINDOW, HOP = 2048, 1654, 561
FREQUENCIES = FFT // 2 + 1
BANDS = 3
LEAST = 1e-18  # in place of no power, whose logarithm is none
TINY = 1e-8
MAX_SCALE = 100.0
KERNELS = ((3, 1), (1, 5), (3, 1), (1, 5), (3, 5))  # of the attention to each layer, and to the mean over all


class Fbsp(nn.Module):
    """Complex frequency B-spline wavelets of learned order, bandwidth and centre."""

    def __init__(self) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.zeros(FREQUENCIES))
        self.fb = nn.Parameter(torch.ones(FREQUENCIES))
        self.fc = nn.Parameter(torch.arange(FREQUENCIES, dtype=torch.float32))

    def wavelets(self) -> Tensor:
        """Return them sampled from -pi to pi, ``[FREQUENCIES, FFT]``, complex.

        sqrt(fb) sinc(fb t / m)^m exp(-i fc t), over the root of FFT; the power of a negative number is complex.
        """
        time = math.pi * torch.linspace(-1, 1, FFT, device=self.m.device) + TINY
        m, fb, fc = self.m[:, None], self.fb[:, None], self.fc[:, None]
        sinc = torch.special.sinc(fb * time / (m + TINY) / math.pi)
        envelope = torch.polar(fb.sqrt() * sinc.abs() ** m, m * (sinc < 0) * math.pi)
        return envelope * torch.polar(torch.ones_like(fc * time), -fc * time) / math.sqrt(FFT)


class Attention(nn.Module):
    """How much of each channel and place of a layer is let through, judged from what goes into it."""

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        padding = kernel[0] // 2, kernel[1] // 2
        self.conv_depth = nn.Conv2d(inputs, inputs, kernel, padding=padding, groups=inputs)
        self.conv_point = nn.Conv2d(inputs, outputs, 1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, before: Tensor, behind: Tensor) -> Tensor:
        """``[B, inputs, H, W]`` and ``[B, outputs, h, w]`` -> ``[B, outputs, h, w]``."""
        pooled = functional.adaptive_max_pool2d(before, behind.shape[-2:])
        return behind * self.bn(self.conv_point(self.conv_depth(pooled))).sigmoid()


class EsResNeXt(ResNet):
    """ResNeXt-50 with attention, on powers of wavelets."""

    window: Tensor
    bank: Tensor  # wavelets times window, real parts and then imaginary ones, [2 FREQUENCIES, WINDOW]

    def __init__(self) -> None:
        super().__init__(GroupedBottleneck, (3, 4, 6, 3), BANDS)
        widths = [PLANES[0], *(GroupedBottleneck.widening * planes for planes in PLANES)]
        for number, kernel in enumerate(KERNELS):
            attention = Attention(widths[number], widths[min(number + 1, 4)], kernel)
            self.add_module(f"att{number + 1}", attention)
        self.fc = nn.Linear(widths[-1], DIM)
        self.fbsp = Fbsp()
        window = get_window("blackmanharris", WINDOW)
        self.register_buffer("window", torch.from_numpy(np.asarray(window)).float())
        self.register_buffer("bank", torch.empty(0), persistent=False)

    def make_bank(self) -> None:
        """Sample the wavelets once, when their parameters are in place."""
        left = (FFT - WINDOW) // 2
        wavelets = self.fbsp.wavelets()[:, left : left + WINDOW] * self.window
        self.bank = torch.cat([wavelets.real, wavelets.imag]).detach()

    def pictures(self, windows: Tensor) -> Tensor:
        """Draw sound: ``[B, samples]`` -> ``[B, BANDS, FREQUENCIES / BANDS, frames]``, in decibels."""
        scaled = (windows * 65_536 + 1) / 65_535  # as -32,768 to 32,767 become -1 to 1
        frames = 1 + math.ceil(max(scaled.shape[1] - WINDOW, 0) / HOP)
        lacking = (frames - 1) * HOP + WINDOW - scaled.shape[1]
        scaled = functional.pad(scaled, (lacking // 2, lacking - lacking // 2))
        with torch.autocast(windows.device.type, enabled=False):  # powers do not fit into half precision
            real, imaginary = (scaled.unfold(1, WINDOW, HOP) @ self.bank.T).transpose(1, 2).chunk(2, dim=1)
            power = (real.square() + imaginary.square())[:, : FREQUENCIES // BANDS * BANDS]
            power = torch.where(power > 0, power, LEAST)
            return 10 * power.log10().unflatten(1, (BANDS, -1))

    def forward(self, windows: Tensor) -> Tensor:
        """``[B, samples]`` -> ``[B, 2048]``, before the projection ``fc``."""
        found = self.stem(self.pictures(windows))
        for number, layer in enumerate(self.layers(), 1):
            found = self.get_submodule(f"att{number}")(found, layer(found))
        return self.get_submodule("att5")(found, found.mean(dim=(2, 3), keepdim=True)).flatten(1)


class Towers(nn.Module):
    """Both towers, and the scale of a sound's logits with texts."""

    def __init__(self) -> None:
        super().__init__()
        self.audio = EsResNeXt()
        self.text = ClipText(nn.Linear(WIDTH, DIM, bias=False))
        self.logit_scale_at = nn.Parameter(torch.zeros(()))


class AudioClip(TwoTowers):
    """The model behind the common interface; `load_audioclip` makes it."""

    sample_rate = 44_100
    window_seconds = 5.0
    dim = DIM

    def __init__(self, name: str, towers: Towers, revision: str, device: str) -> None:
        self.name, self.revision, self.device = name, revision, device
        self.logit_scale = min(max(towers.logit_scale_at.exp().item(), 1.0), MAX_SCALE)
        towers.audio.make_bank()
        self.towers = towers.eval().requires_grad_(False).to(device)
        self.text = self.towers.text

    def hear(self, windows: Tensor) -> Tensor:
        return self.towers.audio(windows)

    def project(self, features: Tensor) -> Tensor:
        return functional.normalize(self.towers.audio.fc(features), dim=-1)


def load_audioclip(
    name: str = "audioclip", device: str = "cpu", weights: Path | None = None, progress: Progress | None = None
) -> AudioClip:
    """Load the model.

    Args:
        name: what the model is called.
        device: "cpu", "cuda:0", "mps".
        weights: the published ``AudioCLIP-Full-Training.pt`` on this machine; ``tokenizer.json`` may lie beside it.
        progress: called while weights are downloaded.

    Raises:
        ModelError: the weights cannot be had, are damaged, or belong to another model.
    """
    stored = read_tensors(weights or web_file(ADDRESS, progress, CHECKSUM))
    vocabulary = companion(weights, CLIP, "tokenizer.json")
    heard = {key: value for key, value in stored.items() if key.startswith("audio.") or key == "logit_scale_at"}
    towers = Towers()
    fill(towers, heard | {f"text.{key}": tensor for key, tensor in from_openai(stored).items()}, name)
    towers.text.tokenizer = towers.text.tokenizer_from(vocabulary)
    return AudioClip(name, towers, revision(towers, vocabulary), device)
