"""Small nets whose groups of channels are known by reading them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Chain(nn.Module):
    """Two convolutions with batch norm between, pooled to 2x2 and flattened: 4 numbers a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.two = nn.Conv2d(8, 6, 3, padding=1)
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.norm(self.one(x)).relu()).relu()
        return self.head(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))


class Residual(nn.Module):
    """What `into` and `back` make is added; `inner` is between."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Conv2d(3, 8, 3, padding=1)
        self.inner = nn.Conv2d(8, 5, 3, padding=1)
        self.back = nn.Conv2d(5, 8, 3, padding=1)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.into(x).relu()
        x = (x + self.back(self.inner(x).relu())).relu()
        return self.head(x.mean((2, 3)))


class Concat(nn.Module):
    """`left`'s 4 channels lie before `right`'s 6, in the batch norm and in what reads both."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 4, 3, padding=1)
        self.right = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(10)
        self.both = nn.Conv2d(10, 5, 1)
        self.head = nn.Linear(5, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.left(x), self.right(x)], 1)
        return self.head(self.both(self.norm(x).relu()).relu().mean((2, 3)))


class Depthwise(nn.Module):
    """A depthwise convolution between two others."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Conv2d(3, 8, 1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.out = nn.Conv2d(8, 6, 1)
        self.head = nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.out(self.depthwise(self.into(x)).relu()).relu().mean((2, 3)))


class Attention(nn.Module):
    """Squeeze and excitation: each channel is scaled by what all of them say."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.excite = nn.Conv2d(4, 8, 1)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu()
        scale = self.excite(self.squeeze(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return self.head((x * scale).mean((2, 3)))


class Between(nn.Module):
    """A layer of any kind between two convolutions: it takes `made` channels and gives `read`."""

    def __init__(self, between: nn.Module, made: int = 8, read: int = 8) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, made, 3, padding=1)
        self.between = between
        self.two = nn.Conv2d(read, 6, 3, padding=1)
        self.head = nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.two(self.between(self.one(x)).relu()).relu().mean((2, 3)))


class OverChannels(nn.LayerNorm):
    """Layer norm over the channels of maps."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Halves(nn.Module):
    """Its one half of the channels is passed on beside what `conv` makes of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        one, other = x.chunk(2, 1)
        return torch.cat([one, self.conv(other)], 1)


class Shuffled(nn.Module):
    """Exchanges channels between two halves, as ShuffleNet does."""

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        return x.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)


class Twice(nn.Module):
    """Two convolutions of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.three = nn.Conv2d(8, 8, 3, padding=1)
        self.three.weight = self.two.weight
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.three(self.two(self.one(x)).relu()).relu().mean((2, 3)))


class FixedView(Chain):
    """A net that knows how many channels it has."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.norm(self.one(x)).relu()).relu()
        return self.head(nn.functional.adaptive_avg_pool2d(x, 2).view(-1, 24))


class Decoder(nn.Module):
    """A linear layer's 32 outputs become 8 maps of 2x2."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.linear = nn.Linear(8, 32)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.head = nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(self.conv(x).relu().mean((2, 3))).relu()
        return self.head(self.up(x.reshape(len(x), -1, 2, 2)).relu().mean((2, 3)))


def filled(net: nn.Module) -> nn.Module:
    """The net in evaluation, with numbers of its own everywhere, running statistics included."""
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if tensor.is_floating_point() and tensor.dim() == 1 and not name.endswith("bias"):
                tensor.uniform_(0.5, 1.5, generator=random)
            elif tensor.is_floating_point():
                tensor.normal_(0, 0.5, generator=random)
    return net.eval()


def fixed_view(num_classes: int, in_channels: int) -> nn.Module:
    """`FixedView` as a backbone; of three channels and ten classes alone."""
    return FixedView()


class EfficientAttention(nn.Module):
    """A grouped convolution, scaled by what a convolution over its channels makes of their means."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(8, 8, 1, groups=2)
        self.norm = nn.BatchNorm2d(8)
        self.attention = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.grouped(x)).relu()
        means = x.mean((2, 3)).view(x.shape[0], 1, -1)
        scales = self.attention(means).view(x.shape[0], -1, 1, 1).sigmoid()
        return x * scales.expand_as(x)
