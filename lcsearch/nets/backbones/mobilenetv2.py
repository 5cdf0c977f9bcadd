"""The backbone ``mobilenetv2``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.nets.backbones._blocks import conv_bn, head, scaled

# Expansion, channels, blocks, stride of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """1x1 to more channels, depthwise 3x3, 1x1 back; at stride 1 beside a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = expansion * in_channels
        self.expand = conv_bn(in_channels, inner, 1)
        self.depthwise = conv_bn(inner, inner, 3, stride, groups=inner)
        self.project = conv_bn(inner, out_channels, 1)
        self.shortcut: nn.Module | None = None
        if stride == 1:
            same = in_channels == out_channels
            self.shortcut = nn.Identity() if same else conv_bn(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, in, h, w) to (b, out, h / stride, w / stride)."""
        y: Tensor = self.project(torch.relu(self.depthwise(torch.relu(self.expand(x)))))
        return y if self.shortcut is None else y + self.shortcut(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 (arXiv 1801.04381) with two strides fewer, and 1x1 shortcuts where channels change."""

    def __init__(self, *, num_classes: int, in_channels: int, width: float) -> None:
        super().__init__()
        channels = scaled(32, width)
        self.stem = nn.Sequential(conv_bn(in_channels, channels, 3), nn.ReLU(inplace=True))
        blocks: list[nn.Module] = []
        for expansion, size, repeats, first_stride in STAGES:
            out = scaled(size, width)
            for index in range(repeats):
                stride = first_stride if index == 0 else 1
                blocks.append(InvertedResidual(channels, out, expansion, stride))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        last = scaled(1280, width)
        self.last = nn.Sequential(conv_bn(channels, last, 1), nn.ReLU(inplace=True))
        self.classifier = head(last, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (b, c, h, w) to logits (b, num_classes)."""
        logits: Tensor = self.classifier(self.last(self.blocks(self.stem(images))))
        return logits


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """MobileNetV2: 17 inverted residuals, depthwise.

    In its form for 32x32 images.
    """
    return MobileNetV2(num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build
