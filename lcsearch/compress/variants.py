"""The ways to compress one convolution, as layers that answer in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lcsearch.layers import lookup
from lcsearch.layers.family import Way
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.shape import ConvShape
from lcsearch.nets.replaceable import shape_of


@dataclass(eq=False)
class Part:
    """A layer in place of a convolution, and what is done to its output's channels."""

    layer: FamilyLayer
    scale: Tensor | None = None
    shift: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """What the layer answers, (n, out, h, w)."""
        output: Tensor = self.layer(x)
        if self.scale is not None:
            output = output * self.scale.view(-1, 1, 1)
        return output if self.shift is None else output + self.shift.view(-1, 1, 1)

    def match(self, x: Tensor, plain: Tensor, normalised: bool) -> None:
        """Give the output the mean of the plain one, where a bias or a batch norm layer will."""
        if not normalised and getattr(self.layer, "bias", None) is None:
            return
        output = self.layer(x)
        (variance, mean), (wanted, centre) = (torch.var_mean(y, (0, 2, 3)) for y in (output, plain))
        if normalised:
            self.scale = (wanted / variance.clamp_min(1e-12)).sqrt().clamp_max(100.0)
            mean = mean * self.scale
        self.shift = centre - mean


@dataclass(eq=False)
class Variant:
    """One way to compress a convolution, or those that share its weight: their layers share their tensors."""

    name: str
    way: Way
    parts: dict[nn.Conv2d, Part]
    fitted: bool = False


def variants_of(
    name: str, convs: Sequence[nn.Conv2d], ways: Callable[[ConvShape], Sequence[Way]]
) -> Iterator[Variant]:
    """Every way to compress a convolution, or those of one weight, none twice, by falling parameters."""
    for way in ways(shape_of(convs[0])):
        parts = {conv: Part(_layer(conv, way)) for conv in convs}
        lead, *others = (part.layer for part in parts.values())
        for layer in others:
            layer.follow(lead, bias=False)
        yield Variant(name, way, parts)


def _layer(conv: nn.Conv2d, way: Way) -> FamilyLayer:
    with torch.random.fork_rng(devices=()):
        layer = lookup.family_of(way.spec).fresh(conv, way.spec)
    layer.take_over(conv)
    return layer.eval()
