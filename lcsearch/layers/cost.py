"""Which way of computing a LinearConv layer is cheaper: a small model of its multiply-accumulates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Way = Literal["weight", "feature"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes that decide the cost of a layer.

    Attributes:
        p: Primary filters, of all banks.
        s: Secondary filters, of all banks.
        rank: Coefficient rank; None where the coefficients are not low-rank.
        filter_size: Numbers in one filter.
        groups: Groups of the convolution.
        banks: Coefficient matrices: 1, or ``groups`` where each group has its own.
    """

    p: int
    s: int
    rank: int | None
    filter_size: int
    groups: int
    banks: int

    @property
    def mixing(self) -> int:
        """Multiply-accumulates to combine the primaries' values once, in the cheaper of A and C R."""
        p, s = self.p // self.banks, self.s // self.banks
        full = s * p
        low = full if self.rank is None else self.rank * (s + p)
        return self.banks * min(full, low)

    def feature_macs(self, positions: int) -> int:
        """Multiply-accumulates of feature space at a number of output positions (images x height x width)."""
        tiles = self.groups // self.banks
        if tiles > 1:
            return positions * (tiles * self.p * self.filter_size + (self.p + self.s) * self.p)
        return positions * (self.p * self.filter_size + self.mixing)

    def weight_macs(self, positions: int) -> int:
        """Multiply-accumulates of weight space, building the filters included."""
        return positions * (self.p + self.s) * self.filter_size + self.mixing * self.filter_size

    def way(self, positions: int) -> Way:
        """Return the cheaper way."""
        return (
            "feature" if self.s and self.feature_macs(positions) < self.weight_macs(positions) else "weight"
        )
