"""The backbone ``allconv``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.nets.backbones._blocks import scaled

# Channels, kernel side, stride; None is dropout with probability 0.5.
PLAN = (
    (96, 3, 1),
    (96, 3, 1),
    (96, 3, 2),
    None,
    (192, 3, 1),
    (192, 3, 1),
    (192, 3, 2),
    None,
    (192, 3, 1),
    (192, 1, 1),
)


class AllConv(nn.Module):
    """All-CNN-C (arXiv 1412.6806): the classes are the channels of a last 1x1 convolution, averaged.

    Without batch norm the start decides whether it trains, so weights are drawn as He et al. (arXiv
    1502.01852) for ReLU, and biases are zero.
    """

    def __init__(self, *, num_classes: int, in_channels: int, width: float) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(0.2)]
        channels = in_channels
        for entry in PLAN:
            if entry is None:
                layers.append(nn.Dropout(0.5))
                continue
            out = scaled(entry[0], width)
            layers += [nn.Conv2d(channels, out, entry[1], entry[2], entry[1] // 2), nn.ReLU(inplace=True)]
            channels = out
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Conv2d(channels, num_classes, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Map images (b, c, h, w) to logits (b, num_classes)."""
        return torch.flatten(self.pool(self.classifier(self.features(images))), 1)


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """All-convolutional net: nine convolutions, dropout.

    In its form for 32x32 images.
    """
    return AllConv(num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build
