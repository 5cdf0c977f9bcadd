"""Which way of computing a LinearConv layer is faster: a small model of its work per output position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from lcsearch.layers.geometry import Geometry

Way = Literal["weight", "feature"]

TRAFFIC = 54
"""What moving one number of a feature map costs, forward and backward, in multiply-accumulates."""
CALL = 8_000_000
"""What one more convolution in the graph costs, forward and backward, whatever its size."""
LANES = 32
"""Filters that a convolution computes at a time: fewer cost as much."""
DEPTH = 8
"""Numbers of a filter that a convolution takes at a time; a 3x3 filter on images of 3 channels has 27."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes that decide the cost of a layer.

    Attributes:
        p: Primary filters, of all banks.
        s: Secondary filters, of all banks.
        filter_size: Numbers in one filter.
        groups: Groups of the convolution.
        banks: Coefficient matrices: 1, or ``groups`` where each group has its own.
    """

    p: int
    s: int
    filter_size: int
    groups: int
    banks: int

    def feature_cost(self, positions: int) -> int:
        """Cost of feature space at a number of output positions (images x height x width).

        Each group needs the outputs of the primaries that its filters combine; those outputs are one more
        feature map to write and to read, and mixing them is one more convolution.
        """
        own_p = self.p // self.banks
        features = self.groups * own_p
        convolving = _padded(features, LANES) * _padded(self.filter_size, DEPTH) + features * TRAFFIC
        return positions * (convolving + _padded(self.p + self.s, LANES) * own_p) + CALL

    def weight_cost(self, positions: int, built: bool) -> int:
        """Cost of weight space; ``built`` where the filters are there already."""
        building = 0 if built else self.s * (self.p // self.banks) * self.filter_size
        return positions * _padded(self.p + self.s, LANES) * _padded(self.filter_size, DEPTH) + building

    def way(self, positions: int, built: bool = False) -> Way:
        """Return the cheaper way."""
        cheaper = self.feature_cost(positions) < self.weight_cost(positions, built)
        return "feature" if self.s and cheaper else "weight"


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
