"""The teacher: EfficientAT's mn04 (Schmid et al., ICASSP 2023; MIT licence), built anew from its description.

A MobileNetV3 of width 0.4 that scores the 527 sounds of AudioSet (mean average precision 0.432). Its picture of a
sound, 128 mel bands of 32 kHz sound every 10 ms, is the one that the bundled model looks at, too.
"""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tools.embedded.towers import LogMel

WIDTH = 0.4
SOUNDS = 527


class Plan(NamedTuple):
    """One inverted residual block: channels before scaling, kernel, squeeze-excitation, activation and stride."""

    inputs: int
    kernel: int
    expanded: int
    outputs: int
    squeezes: bool
    activation: type[nn.Module]
    stride: int


PLANS = [
    Plan(16, 3, 16, 16, False, nn.ReLU, 1),
    Plan(16, 3, 64, 24, False, nn.ReLU, 2),
    Plan(24, 3, 72, 24, False, nn.ReLU, 1),
    Plan(24, 5, 72, 40, True, nn.ReLU, 2),
    Plan(40, 5, 120, 40, True, nn.ReLU, 1),
    Plan(40, 5, 120, 40, True, nn.ReLU, 1),
    Plan(40, 3, 240, 80, False, nn.Hardswish, 2),
    Plan(80, 3, 200, 80, False, nn.Hardswish, 1),
    Plan(80, 3, 184, 80, False, nn.Hardswish, 1),
    Plan(80, 3, 184, 80, False, nn.Hardswish, 1),
    Plan(80, 3, 480, 112, True, nn.Hardswish, 1),
    Plan(112, 3, 672, 112, True, nn.Hardswish, 1),
    Plan(112, 5, 672, 160, True, nn.Hardswish, 2),
    Plan(160, 5, 960, 160, True, nn.Hardswish, 1),
    Plan(160, 5, 960, 160, True, nn.Hardswish, 1),
]
LAST = 160  # channels of the last block, before scaling


def in_eights(channels: float) -> int:
    """The nearest multiple of eight that is not below nine tenths of the channels wanted."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def convolution(
    inputs: int, outputs: int, kernel: int, activation: type[nn.Module] | None, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution, batch norm and, where one is named, an activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class Squeeze(nn.Module):
    """Weighs channels by what they are on average (squeeze and excitation)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, in_eights(channels // 4))
        self.fc2 = nn.Linear(in_eights(channels // 4), channels)

    def forward(self, picture: Tensor) -> Tensor:
        weights = self.fc2(torch.relu(self.fc1(picture.mean(dim=(2, 3))))).sigmoid()
        return picture * weights[:, :, None, None]


class Block(nn.Module):
    """An inverted residual block of MobileNetV3."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        inputs, expanded, outputs = (in_eights(WIDTH * size) for size in (plan.inputs, plan.expanded, plan.outputs))
        squeeze = nn.Module()
        squeeze.conc_se_layers = nn.ModuleList([Squeeze(expanded)])
        self.block = nn.Sequential(
            *([convolution(inputs, expanded, 1, plan.activation)] if expanded != inputs else []),
            convolution(expanded, expanded, plan.kernel, plan.activation, plan.stride, groups=expanded),
            *([squeeze] if plan.squeezes else []),
            convolution(expanded, outputs, 1, None),
        )
        squeeze.forward = squeeze.conc_se_layers[0].forward  # the weights' names ask so
        self.adds = inputs == outputs and plan.stride == 1

    def forward(self, picture: Tensor) -> Tensor:
        made: Tensor = self.block(picture)
        return picture + made if self.adds else made


class Teacher(nn.Module):
    """mn04 with the weights in a file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        last = in_eights(WIDTH * LAST)
        hidden = in_eights(WIDTH * 1280)
        self.features = nn.Sequential(
            convolution(1, in_eights(WIDTH * 16), 3, nn.Hardswish, 2),
            *map(Block, PLANS),
            convolution(last, 6 * last, 1, nn.Hardswish),
        )
        self.classifier = nn.ModuleDict({"2": nn.Linear(6 * last, hidden), "5": nn.Linear(hidden, SOUNDS)})
        self.load_state_dict(load_file(file))
        self.picture = LogMel()
        self.eval().requires_grad_(False)

    def fused(self) -> "Teacher":
        """Itself, with every batch norm worked into the convolution before it: the same answers, sooner."""
        layers: Any
        for layers in self.modules():
            if isinstance(layers, nn.Sequential) and len(layers) > 1 and isinstance(layers[1], nn.BatchNorm2d):
                first: Any = layers[0]
                layers[0], layers[1] = fuse_conv_bn_eval(first, layers[1]), nn.Identity()
        return self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def see(self, pictures: Tensor) -> Tensor:
        """Log-mel pictures ``[B, frames, 128]`` -> what is where, ``[B, 384, 4, frames / 32]``."""
        return self.features(pictures.transpose(1, 2)[:, None].contiguous(memory_format=torch.channels_last))

    def judge(self, features: Tensor) -> Tensor:
        """Features averaged over time and frequency, ``[B, 384]`` -> logits ``[B, 527]``."""
        return self.classifier["5"](nn.functional.hardswish(self.classifier["2"](features)))

    def forward(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, samples]`` at 32 kHz -> logits ``[B, 527]`` and features ``[B, 384]``."""
        features = self.see(self.picture(waves)).mean(dim=(2, 3))
        return self.judge(features), features
