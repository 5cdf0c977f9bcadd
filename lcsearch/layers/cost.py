"""Which way of computing a LinearConv layer is faster: a small model of its work per output position."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor

from lcsearch.core.torch_private import recorded
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.mixing import FEWEST_PRIMARIES

Way = Literal["weight", "feature"]
Use = Literal["training", "images", "evaluation"]
"""What a layer runs for: training, training on images (no gradient of them), evaluation without gradients."""
ChoiceT = TypeVar("ChoiceT")

TRAFFIC: dict[Use, int] = {"training": 28, "images": 100, "evaluation": 50}
"""What moving one number of a feature map costs, in the multiply-accumulates of one more filter.

Where the input needs no gradient the convolution is less work, the moving is not.
"""
CALL = 4_000_000
"""What one more convolution in the graph costs, whatever its size."""
LANES = 16
"""Filters that a convolution computes at a time: fewer cost as much."""
DEPTH = 8
"""Channels that a convolution gives a gradient at a time: 3 colours cost as much as 8."""


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

    def feature_cost(self, positions: int, use: Use) -> int:
        """Cost of feature space at a number of output positions (images x height x width).

        Each group needs the outputs of the primaries that its filters combine; those outputs are one more
        feature map to write and to read, and mixing them is one more convolution.
        """
        own_p = self.p // self.banks
        features = self.groups * own_p
        mixed = self.s if self._mixes_aside(use) else self.p + self.s
        return positions * (self._convolving(features, use) + TRAFFIC[use] * features + mixed * own_p) + CALL

    def weight_cost(self, positions: int, use: Use) -> int:
        """Cost of weight space; evaluation has the filters already."""
        building = 0 if use == "evaluation" else self.s * (self.p // self.banks) * self.depth * self.window
        return positions * self._convolving(self.p + self.s, use) + building

    def way(self, positions: int, use: Use) -> Way:
        """Return the cheaper way."""
        cheaper = self.feature_cost(positions, use) < self.weight_cost(positions, use)
        return "feature" if self.s and cheaper else "weight"

    def _convolving(self, filters: int, use: Use) -> int:
        """Multiply-accumulates of a convolution with a number of filters, at one output position."""
        depth = padded(self.depth, DEPTH) if use == "training" else self.depth
        return padded(filters, LANES) * depth * self.window

    def _mixes_aside(self, use: Use) -> bool:
        """Whether secondary outputs are written beside the primary ones, which are not multiplied then."""
        return use != "evaluation" and self.groups == 1 and self.p >= FEWEST_PRIMARIES


class Remembered(Generic[ChoiceT]):
    """Chooses for a layer and remembers its last answer: a training asks the same at each step.

    Asking anew takes microseconds, which a step of a small layer does feel.
    """

    def __init__(self) -> None:
        self._last: tuple[Sequence[int], Use, ChoiceT] | None = None

    def choice(self, shape: Sequence[int], use: Use) -> ChoiceT:
        """Return what is cheapest for an input of shape (n, in, h, w)."""
        if recorded():  # what is kept would become part of what is compiled
            return self.cheapest(shape, use)
        if self._last is None or shape != self._last[0] or use != self._last[1]:
            self._last = shape, use, self.cheapest(shape, use)
        return self._last[2]

    @abstractmethod
    def cheapest(self, shape: Sequence[int], use: Use) -> ChoiceT:
        """Compare the costs."""


class Chooser(Remembered[Way]):
    """Chooses the way for a LinearConv layer."""

    def __init__(self, plan: Plan, geometry: Geometry) -> None:
        super().__init__()
        self._plan, self._geometry = plan, geometry

    def cheapest(self, shape: Sequence[int], use: Use) -> Way:
        """Compare the costs."""
        height, width = self._geometry.output_size(shape[-2], shape[-1])
        return self._plan.way(shape[0] * height * width, use)


def check_compute(compute: str) -> None:
    """Check how a layer is told to compute.

    Raises:
        ValueError: It is none of the ways.
    """
    if compute not in ("auto", "weight", "feature"):
        raise ValueError(f"compute={compute!r} must be 'auto', 'weight' or 'feature'")


def use_of(x: Tensor, training: bool) -> Use:
    """Return what a layer that is in training, or in evaluation, gets an input for."""
    if torch.is_grad_enabled():
        return "training" if x.requires_grad else "images"
    return "images" if training else "evaluation"


def padded(count: int, step: int) -> int:
    """Round up to a multiple of `step`."""
    return -(-count // step) * step
