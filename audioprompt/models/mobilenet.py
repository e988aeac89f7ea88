"""A MobileNetV3 of width 0.4 for pictures of sound (Howard et al. 2019; Schmid et al. 2023), as it is run.

What normalises its batches while it is trained is worked into the convolutions before it is stored
(``tools/embedded``), so that there is nothing here but convolutions and activations.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

WIDTH = 0.4
STEM = 16  # channels of the first layer, before scaling
LAST = 160  # channels of the last block, before scaling
REACH = 32  # frames and bands of the picture that become one step of the answer


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


def scaled(channels: float) -> int:
    """Return channels at this net's width: the nearest multiple of eight not below nine tenths of what is wanted."""
    wanted = WIDTH * channels
    nearest = max(8, int(wanted + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * wanted else nearest


def squeezed(channels: int) -> int:
    """Return a quarter of the channels, in eights."""
    return max(8, (channels // 4 + 4) // 8 * 8)


FEATURES = 6 * scaled(LAST)


def convolution(
    inputs: int, outputs: int, kernel: int, activation: type[nn.Module] | None, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Make a convolution and, where one is named, an activation."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups)
    return nn.Sequential(layer, *([activation()] if activation else []))


class Squeeze(nn.Module):
    """Weighs channels by what they are on average (squeeze and excitation, Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed(channels))
        self.fc2 = nn.Linear(squeezed(channels), channels)

    def forward(self, picture: Tensor) -> Tensor:
        means = picture.mean(dim=(2, 3))[:, None]
        weights = _apart(self.fc2, torch.relu(_apart(self.fc1, means))).sigmoid()
        return picture * weights.transpose(1, 2)[..., None]


def _apart(layer: nn.Linear, rows: Tensor) -> Tensor:
    """Apply a layer by a product for each picture, ``[B, 1, F]`` -> ``[B, 1, O]``.

    In one product for all of them, the last digits of each would depend on how many others there are.
    """
    return rows.bmm(layer.weight.T.expand(rows.shape[0], -1, -1)) + layer.bias


class Block(nn.Module):
    """An inverted residual block.

    Args:
        plan: what it is made of.
        layer: makes a convolution and its activation, as `convolution` does; training puts its own here.
    """

    def __init__(self, plan: Plan, layer: Any = convolution) -> None:
        super().__init__()
        inputs, expanded, outputs = (scaled(size) for size in (plan.inputs, plan.expanded, plan.outputs))
        self.block = nn.Sequential(
            *([layer(inputs, expanded, 1, plan.activation)] if expanded != inputs else []),
            layer(expanded, expanded, plan.kernel, plan.activation, plan.stride, groups=expanded),
            *([Squeeze(expanded)] if plan.squeezes else []),
            layer(expanded, outputs, 1, None),
        )
        self.adds = inputs == outputs and plan.stride == 1

    def forward(self, picture: Tensor) -> Tensor:
        made: Tensor = self.block(picture)
        return picture + made if self.adds else made


class MobileNet(nn.Sequential):
    """Pictures ``[B, 1, bands, frames]`` -> what is heard where, ``[B, FEATURES, bands / 32, frames / 32]``."""

    def __init__(self, layer: Any = convolution) -> None:
        super().__init__(
            layer(1, scaled(STEM), 3, nn.Hardswish, 2),
            *(Block(plan, layer) for plan in PLANS),
            layer(scaled(LAST), FEATURES, 1, nn.Hardswish),
        )


def as_channels(pictures: Tensor) -> Tensor:
    """``[B, frames, bands]`` -> ``[B, 1, bands, frames]`` as the net takes it."""
    return pictures.transpose(1, 2)[:, None].contiguous(memory_format=torch.channels_last)
