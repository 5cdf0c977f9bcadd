"""Which way of computing a LinearConv layer is faster: a small model of its work per output position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from lcsearch.layers.geometry import Geometry
from lcsearch.layers.mixing import FEWEST_PRIMARIES

Way = Literal["weight", "feature"]

TRAFFIC = 28
"""What moving one number of a feature map costs, forward and backward, in multiply-accumulates."""
TRAFFIC_FORWARD = 44
"""The same where there is no backward pass, in multiply-accumulates of that one pass."""
CALL = 4_000_000
"""What one more convolution in the graph costs, whatever its size."""
LANES = 16
"""Filters that a convolution computes at a time: fewer cost as much."""
DEPTH = 8
"""Channels that a convolution takes at a time: the filters of an image's 3 colours cost as much as of 8."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes that decide the cost of a layer.

    Attributes:
        p: Primary filters, of all banks.
        s: Secondary filters, of all banks.
        depth: Channels of one filter.
        window: Positions of one filter, kernel height times width.
        groups: Groups of the convolution.
        banks: Coefficient matrices: 1, or ``groups`` where each group has its own.
    """

    p: int
    s: int
    depth: int
    window: int
    groups: int
    banks: int

    def feature_cost(self, positions: int, built: bool) -> int:
        """Cost of feature space at a number of output positions (images x height x width).

        Each group needs the outputs of the primaries that its filters combine; those outputs are one more
        feature map to write and to read, and mixing them is one more convolution.
        """
        own_p = self.p // self.banks
        features = self.groups * own_p
        moving = features * (TRAFFIC_FORWARD if built else TRAFFIC)
        mixed = self.s if self._mixes_aside(built) else self.p + self.s
        return positions * (self._convolving(features) + moving + mixed * own_p) + CALL

    def weight_cost(self, positions: int, built: bool) -> int:
        """Cost of weight space; ``built`` where the filters are there already."""
        building = 0 if built else self.s * (self.p // self.banks) * self.depth * self.window
        return positions * self._convolving(self.p + self.s) + building

    def way(self, positions: int, built: bool = False) -> Way:
        """Return the cheaper way; ``built`` in evaluation, which has its filters and no backward pass."""
        cheaper = self.feature_cost(positions, built) < self.weight_cost(positions, built)
        return "feature" if self.s and cheaper else "weight"

    def _convolving(self, filters: int) -> int:
        """Multiply-accumulates of a convolution with a number of filters, at one output position."""
        return _padded(filters, LANES) * _padded(self.depth, DEPTH) * self.window

    def _mixes_aside(self, built: bool) -> bool:
        """Whether secondary outputs are written beside the primary ones, which are not multiplied then."""
        return not built and self.groups == 1 and self.p >= FEWEST_PRIMARIES


class Chooser:
    """Chooses the way for a layer and remembers its last answer: a training asks the same at each step.

    Asking anew takes microseconds, which a step of a small layer does feel.
    """

    def __init__(self, plan: Plan, geometry: Geometry) -> None:
        self._plan, self._geometry = plan, geometry
        self._last: tuple[Sequence[int], bool, Way] = (), False, "weight"

    def way(self, shape: Sequence[int], built: bool) -> Way:
        """Return the cheaper way for an input of shape (n, in, h, w); ``built`` where filters are there."""
        if torch.compiler.is_compiling():  # what is kept would become a condition of the compiled code
            return self._cheaper(shape, built)
        last_shape, last_built, way = self._last
        if shape != last_shape or built != last_built:
            way = self._cheaper(shape, built)
            self._last = shape, built, way
        return way

    def _cheaper(self, shape: Sequence[int], built: bool) -> Way:
        height, width = self._geometry.output_size(shape[-2], shape[-1])
        return self._plan.way(shape[0] * height * width, built)


def _padded(count: int, step: int) -> int:
    return -(-count // step) * step
