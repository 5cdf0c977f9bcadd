"""Backbones whose convolutions are not all plain, for tests of commands: ``--backbone odd_nets:NAME``."""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class CentredConv2d(nn.Conv2d):
    """Every filter has mean 0."""

    def forward(self, x: Tensor) -> Tensor:
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, self.weight - mean, self.bias, self.stride, self.padding)


class Chain(nn.Module):
    """Four convolutions of 8, 16, 16 and 16 filters, and a head."""

    def __init__(self, num_classes: int, in_channels: int, second: type[nn.Conv2d]) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, 8, 3, padding=1)
        self.second = second(8, 16, 3, padding=1, bias=False)
        self.third = nn.Conv2d(16, 16, 3, padding=1)
        self.fourth = second(16, 16, 3, padding=1, bias=False)
        self.head = nn.Linear(16, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.first, self.second, self.third, self.fourth):
            x = layer(x).relu()
        return self.head(x.mean((2, 3)))


def half_normalised(num_classes: int, in_channels: int) -> nn.Module:
    """Every other convolution is of a class with a forward of its own."""
    return Chain(num_classes, in_channels, CentredConv2d)


def tied(num_classes: int, in_channels: int) -> nn.Module:
    """Two convolutions share their filters."""
    net = Chain(num_classes, in_channels, nn.Conv2d)
    net.fourth.weight = net.third.weight
    return net


def exchanged(num_classes: int, in_channels: int) -> nn.Module:
    """The forward of one convolution was exchanged for a function that knows its weight."""
    net = Chain(num_classes, in_channels, nn.Conv2d)
    third = net.third
    third.forward = lambda x: F.conv2d(x, third.weight / 2, third.bias, padding=1)  # type: ignore[method-assign]
    return net


def stubborn(num_classes: int, in_channels: int) -> nn.Module:
    """Makes 23 outputs whatever is asked for."""
    return Chain(23, in_channels, nn.Conv2d)


class Listed(Chain):
    """Goes through a list beside its attributes."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(num_classes, in_channels, nn.Conv2d)
        self.steps = {"features": [self.first, (self.second, self.third.forward), self.fourth]}

    def forward(self, x: Tensor) -> Tensor:
        first, (second, third), fourth = self.steps["features"]  # type: ignore[misc]
        return self.head(fourth(third(second(first(x).relu()).relu()).relu()).mean((2, 3)))  # type: ignore


def listed(num_classes: int, in_channels: int) -> nn.Module:
    """Convolutions, and a method of one, in a plain list."""
    return Listed(num_classes, in_channels)


class Cautious(Chain):
    """Calls what is a convolution, and reads its kernel size, its filters, and a mark on it."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(num_classes, in_channels, nn.Conv2d)
        self.second.repeats = 2  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            if isinstance(layer, nn.Conv2d):
                x = layer(x).relu() / layer.kernel_size[0] / getattr(layer, "repeats", 1)
        return self.head(x.mean((2, 3)) + self.fourth.weight.mean((1, 2, 3)))


def cautious(num_classes: int, in_channels: int) -> nn.Module:
    """Decides by the kind and the marks of its layers."""
    return Cautious(num_classes, in_channels)


class Exact(Chain):
    """Passes over what is not exactly a convolution where it could be left out."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.third(self.second(self.first(x).relu()).relu())
        x = self.fourth(x) if type(self.fourth) is nn.Conv2d else x
        return self.head(x.mean((2, 3)))


def exact(num_classes: int, in_channels: int) -> nn.Module:
    """Decides by the exact type of its last convolution."""
    return Exact(num_classes, in_channels, nn.Conv2d)


class Picky(Chain):
    """Adds up what is exactly a convolution, and calls the first in any case."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        for layer in list(self.children())[1:]:
            if type(layer) is nn.Conv2d:
                x = layer(x).relu()
        return self.head(x.mean((2, 3)))


def picky(num_classes: int, in_channels: int) -> nn.Module:
    """Decides by the exact type of all but its first convolution, and fails where the second is left out."""
    return Picky(num_classes, in_channels, nn.Conv2d)


class Checkpointed(Chain):
    """Computes its middle again in the backward pass, in PyTorch's old way."""

    def forward(self, x: Tensor) -> Tensor:
        x = checkpoint(lambda x: self.second(x).relu(), self.first(x).relu(), use_reentrant=True)
        x = checkpoint(lambda x: self.fourth(self.third(x).relu()).relu(), x, use_reentrant=True)
        return self.head(x.mean((2, 3)))


def checkpointed(num_classes: int, in_channels: int) -> nn.Module:
    """Activations of the middle are not kept."""
    return Checkpointed(num_classes, in_channels, nn.Conv2d)


class Deep(Chain):
    """Has a parameter of five dimensions."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(num_classes, in_channels, nn.Conv2d)
        self.across = nn.Conv3d(1, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.across(self.second(self.first(x).relu())[:, None]).mean(1)
        return self.head(self.fourth(self.third(x).relu()).relu().mean((2, 3)))


def deep(num_classes: int, in_channels: int) -> nn.Module:
    """A ``Conv3d`` beside ``Conv2d``."""
    return Deep(num_classes, in_channels)


def nested(num_classes: int, in_channels: int) -> nn.Module:
    """Large layers with names as long as those of the densely connected nets."""
    layer = OrderedDict(conv1=nn.Conv2d(in_channels, 1024, 3), conv2=nn.Conv2d(1024, 2048, 3))
    block = nn.Sequential(OrderedDict(denselayer16=nn.Sequential(layer)))
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(OrderedDict(denseblock4=block)),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            classifier=nn.Linear(2048, num_classes),
        )
    )


def overheard(num_classes: int, in_channels: int) -> nn.Module:
    """What a hook of one convolution heard is added to what the last one says."""
    net, said = Chain(num_classes, in_channels, nn.Conv2d), list[Tensor]()
    net.said = said  # type: ignore[assignment]
    net.second.register_forward_hook(lambda module, inputs, output: said.append(output))
    net.fourth.register_forward_hook(lambda module, inputs, output: output + said.pop())
    return net
