"""The net as it is trained, of teacher and student alike: the product's, with batch norm in every layer."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from audioprompt.models.mobilenet import MobileNet


def normalised(
    inputs: int, outputs: int, kernel: int, activation: type[nn.Module] | None, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution, batch norm and, where one is named, an activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class Net(MobileNet):
    """The net with batch norm."""

    def __init__(self) -> None:
        super().__init__(normalised)

    def stages(self, picture: Tensor) -> list[Tensor]:
        """The picture and what each of the 17 layers makes of it."""
        made = [picture]
        for layer in self:
            made.append(layer(made[-1]))
        return made


def fuse(net: nn.Module) -> None:
    """Work every batch norm into the convolution before it: the same answers, sooner."""
    layers: Any
    for layers in net.modules():
        if isinstance(layers, nn.Sequential) and len(layers) > 1 and isinstance(layers[1], nn.BatchNorm2d):
            first: Any = layers[0]
            layers[0], layers[1] = fuse_conv_bn_eval(first, layers[1]), nn.Identity()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
