"""Which way of computing a LinearConv layer is faster: a small model of its work per output position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


def _padded(count: int, step: int) -> int:
    return -(-count // step) * step
