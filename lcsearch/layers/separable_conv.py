"""The separable layer (arXiv 2003.13549, with K terms), in weight space and in feature space."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from lcsearch.core.torch_private import transforms_active
from lcsearch.layers import separable_conversion
from lcsearch.layers.cache import FilterCache
from lcsearch.layers.cost import check_compute, use_of
from lcsearch.layers.geometry import Geometry, Pair, check_conv
from lcsearch.layers.separable_cost import Choice, SeparableChooser, SeparableWay
from lcsearch.layers.separable_filters import SeparableFilters
from lcsearch.layers.separable_mixing import combined, convolved, pointwise, summed
from lcsearch.layers.shape import Places
from lcsearch.layers.trimming import cut, trimmed


class SeparableConv2d(SeparableFilters):
    """A 2-d convolution whose filters are sums of K terms, each a blueprint times a number per input channel.

    With b_k the (out, kh, kw) blueprints and a_k the (out, in) mixing, filter o at input channel i is
    sum_k b_k[o] a_k[o, i]. The layer computes either one convolution by these filters (weight space), or 1x1
    convolutions to K * out channels and then a convolution of each output's K channels by its blueprints
    (feature space); both give the same output. It takes (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does.

    K = 1 is BSConv-U, of some rank BSConv-S; K = kh * kw can be any convolution.

    Args:
        in_channels: As ``nn.Conv2d``, like all up to ``dtype``.
        out_channels: Filters.
        kernel_size: Kernel height and width, not 1x1.
        stride: Stride.
        padding: Padding, also ``same`` and ``valid``.
        dilation: Dilation.
        groups: 1.
        bias: Whether there is a bias.
        padding_mode: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
        device: Device of the parameters.
        dtype: Type of the parameters.
        terms: K, 1 to kh * kw.
        rank: Rank r of the mixing, 1 to min(in, K * out): a_k = C_k R, with one R; None for full.
        compute: ``weight`` or ``feature`` space, or ``auto`` for the cheaper one.

    Attributes:
        blueprints: (K, out, kh, kw).
        mixing: (K, out, in), or None where low-rank.
        column: (K, out, r) matrices C_k, or None.
        row: (r, in) matrix R, or None.
        bias: (out,), or None.

    Raises:
        ValueError: An argument is out of its range; the message names it, its value and the range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: str | Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        terms: int = 1,
        rank: int | None = None,
        compute: Literal["auto", "weight", "feature"] = "auto",
    ) -> None:
        check_compute(compute)
        geometry = Geometry.checked(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
        )
        super().__init__(geometry, terms=terms, rank=rank, device=device, dtype=dtype)
        self.compute = compute
        self._cache = FilterCache()
        self._chooser = SeparableChooser(terms, rank, geometry)

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; what evaluation had built is forgotten."""
        self._cache.clear()
        return super().train(mode)

    @classmethod
    def from_conv(cls, conv: nn.Conv2d, **options: Any) -> Self:
        """Return the closest layer to a trained convolution, number by number, on its device, in its dtype.

        Args:
            conv: A convolution with finite floating-point weights.
            options: ``terms``, ``rank``, ``compute``.

        Raises:
            TypeError: conv is transposed, lazy, quantised, without values or no ``nn.Conv2d``.
            ValueError: An option is out of its range, or a weight is not finite.
        """
        check_conv(conv)
        options |= {"device": conv.weight.device, "dtype": conv.weight.dtype}
        layer = cls(**Geometry.of(conv).arguments, **options)
        separable_conversion.take(layer, conv)
        return layer.train(conv.training)

    def to_conv(self) -> nn.Conv2d:
        """Return the equal plain convolution."""
        return separable_conversion.to_conv(self)

    def factorize(self, places: Places | None = None) -> nn.Module:
        """Return equal standard layers, in the form that takes fewer multiply-accumulates at some places."""
        return separable_conversion.factorize(self, places)

    def way(self, x: Tensor) -> SeparableWay:
        """Return which way the layer computes its output for an input x (n, in, h, w)."""
        return self._choice(x).way

    def _choice(self, x: Tensor) -> Choice:
        if self.compute == "auto":
            return self._chooser.choice(x.shape, use_of(x, self.training))
        return Choice(self.compute, trimmed(self.geometry, x.shape[-2], x.shape[-1]))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does."""
        if x.dim() == 3:
            return self.forward(x[None])[0]
        way, geometry = self._choice(x)
        if way != "weight" and self.row is not None:
            x = pointwise(x, self.row)
        if way == "feature":
            blueprints = cut(self.blueprints, geometry.kernel_size)
            return summed(x, self.last, blueprints, self.bias, geometry)
        make = partial(self._filters, way, geometry.kernel_size)
        filters = self._cache.get(self, f"{way} {geometry.kernel_size}", make)
        return convolved(x, filters, self.bias, geometry)

    def _filters(self, way: SeparableWay, kernel: tuple[int, int]) -> Tensor:
        """The filters of what is left of the kernel, over the channels that a way convolves."""
        made = combined(self.matrices() if way == "weight" else self.last, cut(self.blueprints, kernel))
        last = torch.channels_last
        if torch.is_grad_enabled() or transforms_active():  # vmap knows no memory format
            return made
        if not self.blueprints.is_contiguous(memory_format=last):
            return made
        return made.contiguous(memory_format=last)  # which evaluation keeps

    def extra_repr(self) -> str:
        """Show the arguments."""
        return self.geometry.described(**{name: getattr(self, name) for name in ("terms", "rank", "compute")})
