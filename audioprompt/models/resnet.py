"""Residual networks with the names of their parts that torchvision has made common, and that published weights bear.

He et al. 2016, "Deep Residual Learning for Image Recognition" (ResNet-18); Xie et al. 2017, "Aggregated Residual
Transformations for Deep Neural Networks" (ResNeXt-50 32x4d).
"""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

PLANES = (64, 128, 256, 512)  # of the four layers
GROUPS = 32


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False)


class Block(nn.Module):
    """Convolutions beside a way around them, which is a convolution itself where the shape changes."""

    widening: ClassVar[int]  # channels that come out, for each plane

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        outputs = self.widening * planes
        same = stride == 1 and inputs == outputs
        around = nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
        self.downsample = None if same else around

    def through(self, x: Tensor) -> Tensor:
        """Run the convolutions."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return (self.through(x) + (x if self.downsample is None else self.downsample(x))).relu()


class BasicBlock(Block):
    """The block of ResNet-18."""

    widening = 1

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__(inputs, planes, stride)
        self.conv1, self.bn1 = _conv(inputs, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = _conv(planes, planes, 3), nn.BatchNorm2d(planes)

    def through(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))


class GroupedBottleneck(Block):
    """The block of ResNeXt-50 32x4d: narrow, and its middle in 32 groups."""

    widening = 4

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__(inputs, planes, stride)
        width, outputs = 2 * planes, self.widening * planes
        self.conv1, self.bn1 = _conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, stride, GROUPS), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, outputs, 1), nn.BatchNorm2d(outputs)

    def through(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        x = self.bn2(self.conv2(x)).relu()
        return self.bn3(self.conv3(x))


class ResNet(nn.Module):
    """A residual network without its head.

    Args:
        block: of which its four layers are made.
        depths: blocks in each.
        channels: of the picture.
    """

    def __init__(self, block: type[Block], depths: Sequence[int], channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, PLANES[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(PLANES[0])
        inputs = PLANES[0]
        for number, (planes, depth) in enumerate(zip(PLANES, depths, strict=True), 1):
            strides = [1 if number == 1 else 2] + [1] * (depth - 1)
            blocks = []
            for stride in strides:
                blocks.append(block(inputs, planes, stride))
                inputs = block.widening * planes
            self.add_module(f"layer{number}", nn.Sequential(*blocks))

    def stem(self, pictures: Tensor) -> Tensor:
        """Run what stands before the layers: ``[B, channels, H, W]`` -> ``[B, 64, H / 4, W / 4]``."""
        return functional.max_pool2d(self.bn1(self.conv1(pictures)).relu(), 3, stride=2, padding=1)

    def layers(self) -> list[nn.Module]:
        """Return the four layers in order."""
        return [self.get_submodule(f"layer{number}") for number in range(1, 5)]
