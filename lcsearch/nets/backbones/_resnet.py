"""Residual nets of basic blocks, in their forms for 32x32 images (arXiv 1512.03385)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.nets.backbones._blocks import conv_bn, head, scaled

Shortcut = Callable[[int, int, int], nn.Module]
"""What carries the signal past a block that changes its shape: of channels in, channels out and stride."""


class Stage(NamedTuple):
    """Blocks whose outputs have one shape.

    Attributes:
        channels: Outputs of each.
        blocks: How many.
        stride: Of the first one.
    """

    channels: int
    blocks: int
    stride: int


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is something of its own where the shape changes."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.first = conv_bn(in_channels, out_channels, 3, stride)
        self.second = conv_bn(out_channels, out_channels, 3)
        changes = stride != 1 or in_channels != out_channels
        self.shortcut = shortcut(in_channels, out_channels, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, in, h, w) to (b, out, h / stride, w / stride)."""
        y = self.second(torch.relu(self.first(x)))
        return torch.relu(y + self.shortcut(x))


def projected(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """A shortcut that is a 1x1 convolution: option B."""
    return conv_bn(in_channels, out_channels, 1, stride)


class Padded(nn.Module):
    """A shortcut without parameters: every n-th pixel, and zeros for the channels that are new: option A.

    Half of the zeros come before the old channels and half after them, one more after if they are odd.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        new = out_channels - in_channels
        self.stride, self.before, self.after = stride, new // 2, new - new // 2

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, in, h, w) to (b, out, h / stride, w / stride)."""
        pixels = x[:, :, :: self.stride, :: self.stride]
        return F.pad(pixels, (0, 0, 0, 0, self.before, self.after))


class ResNet(nn.Module):
    """A stem of one 3x3 convolution, stages of basic blocks, and one linear layer.

    Args:
        plan: The stages; the first one's channels are the stem's too.
        shortcut: Makes those of blocks that change the shape.
        num_classes: Outputs.
        in_channels: Channels of the images.
        width: Factor on every channel count.
    """

    def __init__(
        self, plan: Sequence[Stage], shortcut: Shortcut, *, num_classes: int, in_channels: int, width: float
    ) -> None:
        super().__init__()
        channels = scaled(plan[0].channels, width)
        self.stem = nn.Sequential(conv_bn(in_channels, channels, 3), nn.ReLU(inplace=True))
        stages: list[nn.Module] = []
        for stage in plan:
            out = scaled(stage.channels, width)
            first = BasicBlock(channels, out, stage.stride, shortcut)
            others = (BasicBlock(out, out, 1, shortcut) for _ in range(stage.blocks - 1))
            stages.append(nn.Sequential(first, *others))
            channels = out
        self.stages = nn.Sequential(*stages)
        self.classifier = head(channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (b, c, h, w) to logits (b, num_classes)."""
        logits: Tensor = self.classifier(self.stages(self.stem(images)))
        return logits


def wide(*blocks: int) -> tuple[Stage, ...]:
    """Four stages of 64 to 512 channels: the plan of ResNet-18 and ResNet-34."""
    return tuple(Stage(64 << place, count, min(2, 1 + place)) for place, count in enumerate(blocks))


def narrow(blocks: int) -> tuple[Stage, ...]:
    """Three stages of 16 to 64 channels: the plan of the nets that were published for CIFAR."""
    return tuple(Stage(16 << place, blocks, min(2, 1 + place)) for place in range(3))
