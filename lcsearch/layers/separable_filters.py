"""The numbers of a separable layer (arXiv 2003.13549): blueprints, their mixing, and what they make."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lcsearch.layers import initialization, separable_sizes
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.separable_mixing import combined
from lcsearch.layers.shape import ConvShape

FASTER = 8.0
"""How many times the learning rate of plain filters blueprints and mixing get (docs/trained.md)."""


class SeparableFilters(FamilyLayer):
    """K blueprints an output channel, and K numbers for each input channel of its filter: their mixing.

    Args:
        geometry: The convolution that the layer stands for.
        terms: K.
        rank: Rank r of the mixing; None for full.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Attributes: see `lcsearch.layers.SeparableConv2d`.

    Raises:
        ValueError: An argument is out of its range; the message names it, its value and the range.
    """

    family: ClassVar[str] = "separable"

    bias: nn.Parameter | None
    blueprints: nn.Parameter
    mixing: nn.Parameter | None
    column: nn.Parameter | None
    row: nn.Parameter | None

    def __init__(
        self,
        geometry: Geometry,
        *,
        terms: int,
        rank: int | None,
        device: Any,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.geometry = geometry
        separable_sizes.check(self.shape, terms, rank)
        vars(self).update(geometry.attributes)
        self.terms, self.rank = terms, rank
        self._make({"device": device, "dtype": dtype})
        self.reset_parameters()

    def _make(self, options: dict[str, Any]) -> None:
        """Create the parameters."""
        terms, out, depth = self.terms, self.geometry.out_channels, self.geometry.in_channels
        shapes: dict[str, tuple[int, ...]] = {"blueprints": (terms, out, *self.geometry.kernel_size)}
        if self.rank is None:
            shapes["mixing"] = (terms, out, depth)
        else:
            shapes |= {"column": (terms, out, self.rank), "row": (self.rank, depth)}
        if self.geometry.bias:
            shapes["bias"] = (out,)
        for name in ("blueprints", "mixing", "column", "row", "bias"):
            shape = shapes.get(name)
            made = None if shape is None else nn.Parameter(torch.empty(shape, **options))
            self.register_parameter(name, made)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw fresh parameters."""
        initialization.init_blueprints(self.blueprints)
        initialization.init_mixing(self.mixing, self.column, self.row)
        if self.bias is not None:
            initialization.init_bias(self.bias, self.geometry.filter_size)

    @property
    def shape(self) -> ConvShape:
        """The convolution that the layer stands for."""
        return self.geometry.shape

    def matrices(self) -> Tensor:
        """Return the mixing (K, out, in)."""
        if self.mixing is not None:
            return self.mixing
        assert self.column is not None and self.row is not None
        return self.column @ self.row

    def filters(self) -> Tensor:
        """Return all filters (out, in, kh, kw)."""
        return combined(self.matrices(), self.blueprints)

    @property
    def last(self) -> Tensor:
        """The last matrices of the mixing: (K, out, in), or (K, out, r) where low-rank."""
        last = self.mixing if self.column is None else self.column
        assert last is not None
        return last

    def faster(self) -> tuple[float, list[nn.Parameter]]:
        """All but the bias: filters that are products learn slowly at first."""
        own = (self.blueprints, self.mixing, self.column, self.row)
        return FASTER, [parameter for parameter in own if parameter is not None]

    @torch.no_grad()
    def match_scale(self, conv: nn.Conv2d) -> None:
        """Scale the blueprints so that the filters are as large as a convolution's. Take over its bias."""
        initialization.match_scale(self.blueprints, self.filters(), conv.weight)
        if conv.bias is not None and self.bias is not None:
            self.bias.copy_(conv.bias)
