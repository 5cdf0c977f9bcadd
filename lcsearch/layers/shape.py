"""The shape of a convolution, and what the plain one costs. Pure Python: no tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class ConvShape:
    """The shape of a convolution's parameters.

    Attributes:
        in_channels: Input channels.
        out_channels: Output channels, that is filters.
        kernel: Kernel height and width.
        groups: Groups that the channels are divided into.
        bias: Whether there is a bias per output channel.
    """

    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    groups: int = 1
    bias: bool = True

    @property
    def filter_size(self) -> int:
        """Numbers in one filter."""
        return self.in_channels // self.groups * self.kernel[0] * self.kernel[1]

    @property
    def bias_size(self) -> int:
        """Numbers in the bias: one per output channel, or none."""
        return self.out_channels if self.bias else 0

    @property
    def params(self) -> int:
        """Numbers that the plain convolution stores, its bias included."""
        return self.macs + self.bias_size

    @property
    def macs(self) -> int:
        """Multiply-accumulates per output position, of all channels, of the plain convolution."""
        return self.out_channels * self.filter_size


class Places(NamedTuple):
    """At how many positions of its feature maps a convolution works, for one image.

    Attributes:
        given: Height times width of its input, without padding.
        made: Height times width of its output.
    """

    given: int
    made: int


Shapes = Mapping[str, ConvShape]
"""Module name to the shape of its convolution."""


class Size(NamedTuple):
    """How many numbers layers hold.

    Attributes:
        trainable: Those that training changes and that are not pruned for good.
        stored: Those that a file of the model must hold: what ``params`` counts.
    """

    trainable: int
    stored: int
