"""Which way of computing a separable layer is fastest: a small model of its work, like that of LinearConv's.

Costs are in multiply-accumulates of a convolution. The constants were fitted to timings of weight and feature
space on one thread of an AVX-512 CPU: 760 layers of 3 to 512 channels, kernels of 3 to 7, maps of 1x1 to
32x32, 16 to 128 images at a time, in float32 and bfloat16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

from lcsearch.core.torch_private import recorded
from lcsearch.layers.cost import DEPTH, LANES, Remembered, Use, padded
from lcsearch.layers.depthwise_gradients import BLOCK
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.trimming import trimmed

SeparableWay = Literal["weight", "feature", "reduced"]
"""``reduced``, where low-rank: the input is reduced to r channels; these are convolved in weight space."""

POINTWISE = 1.5
"""What one multiply-accumulate of a 1x1 convolution costs."""
DEPTHWISE = 5
"""What one multiply-accumulate of a depthwise convolution costs."""
BUILD = 5
"""What one number of the filters costs that is built and differentiated, for each term."""
TRAFFIC: dict[Use, int] = {"training": 15, "images": 80, "evaluation": 5}
"""What writing and reading one number of a feature map costs."""
CALL: dict[Use, int] = {"training": 4_500_000, "images": 4_500_000, "evaluation": 2_000_000}
"""What one more operation costs, whatever its size; in training its gradient does as well."""
READ: dict[Use, int] = {"training": 0, "images": 0, "evaluation": 20}
"""What reading one number of a matrix or of filters costs; it shows in evaluation of few images."""
USUAL_IMAGES = 64
"""For so many images what is compiled or exported is made fast: it may serve any number of them."""


class Task(NamedTuple):
    """What a layer is to do.

    Attributes:
        images: How many.
        given: Places of an input.
        made: Places of an output.
        kernel: Numbers of the kernel down and right; what a small map never meets is trimmed.
        use: What for.
    """

    images: int
    given: int
    made: int
    kernel: tuple[int, int]
    use: Use


@dataclass(frozen=True, slots=True)
class SeparablePlan:
    """The sizes that decide the cost of a layer.

    Attributes:
        inputs: Input channels.
        outputs: Output channels.
        terms: K.
        rank: Of the mixing; None for full.
        simple: Whether the kernel moves by single steps, undilated.
    """

    inputs: int
    outputs: int
    terms: int
    rank: int | None
    simple: bool = True

    def way(self, task: Task) -> SeparableWay:
        """Return the cheapest way."""
        ways: dict[SeparableWay, float] = {
            "weight": self.weight_cost(task),
            "feature": self.feature_cost(task),
        }
        if self.rank is not None:
            ways["reduced"] = self.reduced_cost(task)
        return min(ways, key=ways.__getitem__)

    def weight_cost(self, task: Task) -> float:
        """Cost of having the filters and of convolving by them."""
        depth = padded(self.inputs, DEPTH) if task.use == "training" else self.inputs
        cost = self._convolving(depth, task) + self._having(self.inputs, task)
        if task.use != "evaluation" and self.rank is not None:  # the product that makes the mixing
            cost += BUILD * self.terms * self.outputs * self.rank * self.inputs + CALL[task.use]
        return cost

    def feature_cost(self, task: Task) -> float:
        """Cost of the 1x1 convolutions and of the depthwise ones."""
        cost, depth = 0.0, padded(self.inputs, DEPTH)
        if self.rank is not None:
            cost, depth = self._reducing(task), self.rank
        channels = self.terms * padded(self.outputs, LANES)
        cost += task.images * task.given * channels * (POINTWISE * depth + TRAFFIC[task.use])
        cost += task.images * task.made * channels * DEPTHWISE * prod(task.kernel)
        cost += READ[task.use] * self.terms * self.outputs * (self.rank or self.inputs)
        return cost + CALL[task.use] * self.terms * (1 + self._pieces(task))

    def reduced_cost(self, task: Task) -> float:
        """Cost of reducing the input, and of convolving what that makes by filters that are built."""
        assert self.rank is not None
        depth = self.rank if task.use == "evaluation" else padded(self.rank, DEPTH)
        return self._reducing(task) + self._convolving(depth, task) + self._having(self.rank, task)

    def _reducing(self, task: Task) -> float:
        assert self.rank is not None
        each = POINTWISE * self.inputs + TRAFFIC[task.use]
        places = task.images * task.given * padded(self.rank, LANES)
        return places * each + READ[task.use] * self.rank * self.inputs + CALL[task.use]

    def _convolving(self, depth: int, task: Task) -> int:
        places = task.images * task.made * padded(self.outputs, LANES)
        return places * depth * prod(task.kernel) + CALL[task.use]

    def _having(self, depth: int, task: Task) -> int:
        """Cost of having filters: evaluation has them, and reads them; training builds them each time."""
        numbers = self.outputs * depth * prod(task.kernel)
        if task.use == "evaluation":
            return READ[task.use] * numbers
        return BUILD * self.terms * numbers + CALL[task.use]

    def _pieces(self, task: Task) -> int:
        """Operations of a term beside its 1x1 convolution: the gradient of large filters takes several."""
        if task.kernel == (1, 1):
            return 0  # to scale a channel takes nearly nothing
        if task.use == "evaluation" or max(task.kernel) <= BLOCK:
            return 1
        if self.simple:
            return prod(padded(size, BLOCK) // BLOCK for size in task.kernel)
        return prod(task.kernel)


class Choice(NamedTuple):
    """How to compute a layer: which way, and by which arguments of a convolution, trimmed to its input."""

    way: SeparableWay
    geometry: Geometry


class SeparableChooser(Remembered[Choice]):
    """Chooses for a separable layer."""

    def __init__(self, terms: int, rank: int | None, geometry: Geometry) -> None:
        super().__init__()
        simple = geometry.stride == geometry.dilation == (1, 1)
        self._plan = SeparablePlan(geometry.in_channels, geometry.out_channels, terms, rank, simple)
        self._geometry = geometry

    def cheapest(self, shape: Sequence[int], use: Use) -> Choice:
        """Compare the costs."""
        geometry = trimmed(self._geometry, shape[-2], shape[-1])
        made = prod(geometry.output_size(shape[-2], shape[-1]))
        images = USUAL_IMAGES if recorded() else shape[0]
        task = Task(images, shape[-2] * shape[-1], made, geometry.kernel_size, use)
        return Choice(self._plan.way(task), geometry)
