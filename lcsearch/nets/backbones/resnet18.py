"""The backbone ``resnet18``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.nets.backbones._blocks import conv_bn, head, scaled

# Channels and stride of the first block, for each stage of two blocks.
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.first = conv_bn(in_channels, out_channels, 3, stride)
        self.second = conv_bn(out_channels, out_channels, 3)
        changes = stride != 1 or in_channels != out_channels
        self.shortcut = conv_bn(in_channels, out_channels, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, in, h, w) to (b, out, h / stride, w / stride)."""
        y = self.second(torch.relu(self.first(x)))
        return torch.relu(y + self.shortcut(x))


class ResNet18(nn.Module):
    """ResNet-18 (arXiv 1512.03385) without the stem's stride and pooling."""

    def __init__(self, *, num_classes: int, in_channels: int, width: float) -> None:
        super().__init__()
        channels = scaled(64, width)
        self.stem = nn.Sequential(conv_bn(in_channels, channels, 3), nn.ReLU(inplace=True))
        stages: list[nn.Module] = []
        for size, stride in STAGES:
            out = scaled(size, width)
            stages.append(nn.Sequential(BasicBlock(channels, out, stride), BasicBlock(out, out, 1)))
            channels = out
        self.stages = nn.Sequential(*stages)
        self.classifier = head(channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (b, c, h, w) to logits (b, num_classes)."""
        logits: Tensor = self.classifier(self.stages(self.stem(images)))
        return logits


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """ResNet-18: four stages of two basic blocks.

    In its form for 32x32 images.
    """
    return ResNet18(num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build
