"""The backbone ``resnext29``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.nets.backbones._blocks import conv_bn, head, scaled

GROUPS = 2
# Channels of one group and stride of the first block, for each stage of three blocks.
STAGES = ((64, 1), (128, 2), (256, 2))


class Bottleneck(nn.Module):
    """1x1, grouped 3x3, 1x1 to twice the channels, beside a shortcut."""

    def __init__(self, in_channels: int, group_width: int, stride: int) -> None:
        super().__init__()
        inner = GROUPS * group_width
        self.reduce = conv_bn(in_channels, inner, 1)
        self.grouped = conv_bn(inner, inner, 3, stride, groups=GROUPS)
        self.expand = conv_bn(inner, 2 * inner, 1)
        changes = stride != 1 or in_channels != 2 * inner
        self.shortcut = conv_bn(in_channels, 2 * inner, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, in, h, w) to (b, 4 * group_width, h / stride, w / stride)."""
        y = torch.relu(self.grouped(torch.relu(self.reduce(x))))
        return torch.relu(self.expand(y) + self.shortcut(x))


class ResNeXt29(nn.Module):
    """ResNeXt-29, 2x64d (arXiv 1611.05431), with a 1x1 stem."""

    def __init__(self, *, num_classes: int, in_channels: int, width: float) -> None:
        super().__init__()
        channels = scaled(64, width)
        self.stem = nn.Sequential(conv_bn(in_channels, channels, 1), nn.ReLU(inplace=True))
        stages: list[nn.Module] = []
        for size, stride in STAGES:
            group_width = scaled(size, width)
            out = 2 * GROUPS * group_width
            first = Bottleneck(channels, group_width, stride)
            rest = [Bottleneck(out, group_width, 1) for _ in range(2)]
            stages.append(nn.Sequential(first, *rest))
            channels = out
        self.stages = nn.Sequential(*stages)
        self.classifier = head(channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (b, c, h, w) to logits (b, num_classes)."""
        logits: Tensor = self.classifier(self.stages(self.stem(images)))
        return logits


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """ResNeXt-29 (2x64d): nine grouped bottlenecks.

    In its form for 32x32 images.
    """
    return ResNeXt29(num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build
