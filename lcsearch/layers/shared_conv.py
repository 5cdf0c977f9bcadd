"""The layer that shares filters with others (arXiv 2006.05066)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.layers.banked import BankedConv2d
from lcsearch.layers.geometry import Geometry, Pair
from lcsearch.layers.separable_mixing import pointwise
from lcsearch.layers.shape import Places
from lcsearch.layers.shared_filters import SharedFilters
from lcsearch.layers.shared_sizes import feature_macs
from lcsearch.layers.standard import conv_of


class SharedConv2d(SharedFilters):
    """A 2-d convolution whose filters are mixed from a bank that other layers use too, and from a few more.

    With S the (s, in, kh, kw) bank, U the (u, in, kh, kw) filters of its own and A the (out, u + s) mixing,
    the layer answers ``A BN([U * x; S * x])`` plus its bias. The batch norm comes behind the padded
    convolution, so in evaluation it is exactly a factor on A and a summand of the bias. It takes
    (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does.

    The bank is a parameter of one layer, which the others are given as ``owner``:

        first = SharedConv2d(16, 16, 3, padding=1, bias=False, shared=8, unique=1)
        second = SharedConv2d(16, 16, 3, padding=1, bias=False, shared=8, unique=1, owner=first)

    Args:
        in_channels: As ``nn.Conv2d``, like all up to ``dtype``.
        out_channels: Filters.
        kernel_size: Kernel height and width; 1x1 only where there are more outputs than inputs.
        stride: Stride.
        padding: Padding, also ``same`` and ``valid``.
        dilation: Dilation.
        groups: 1.
        bias: Whether there is a bias.
        padding_mode: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
        device: Device of the parameters.
        dtype: Type of the parameters.
        shared: s, filters of the bank, at least 1.
        unique: u, filters of its own, at least 0; with the bank's at most in * kh * kw.
        bank_name: What specs call the bank.
        owner: The layer that holds the bank, of the same shape; None to hold one itself.

    Attributes:
        bank: S in the layer that holds it, None in the others.
        shared: S, wherever it lies.
        unique: U, or None.
        norm: The batch norm.
        mixing: A.
        bias: (out,), or None.

    Raises:
        ValueError: An argument is out of its range, or the owner's shape is another.
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
        shared: int,
        unique: int = 0,
        bank_name: str = "bank",
        owner: SharedFilters | None = None,
    ) -> None:
        geometry = Geometry.checked(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
        )
        super().__init__(
            geometry,
            shared=shared,
            unique=unique,
            bank_name=bank_name,
            owner=owner,
            device=device,
            dtype=dtype,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does."""
        if x.dim() == 3:
            return self.forward(x[None])[0]
        return pointwise(self.norm(self.answers(x)), self.mixing, self.bias)

    @torch.no_grad()
    def to_conv(self) -> nn.Conv2d:
        """Return the plain convolution that gives the same output as the layer in evaluation.

        It has a bias, also where the layer has none: that of the batch norm.
        """
        return conv_of(self, self.shared, self.geometry.arguments, self.filters(), self.folded_bias())

    @torch.no_grad()
    def factorize(self, places: Places | None = None) -> nn.Module:
        """Return equal standard layers, in the form that takes fewer multiply-accumulates anywhere.

        Returns:
            A plain convolution; or a ``BankedConv2d``, whose 1x1 convolution has the batch norm folded in.
        """
        if self.shape.macs <= feature_macs(self.shape, *self.counts):
            return self.to_conv()
        shared = self._conv(self.shared)
        unique = None if self.unique is None else self._conv(self.unique)
        mixed = {"in_channels": sum(self.counts), "out_channels": self.geometry.out_channels}
        weight = self.folded_mixing()[:, :, None, None]
        mixing = conv_of(self, self.shared, mixed | {"kernel_size": 1}, weight, self.folded_bias())
        return BankedConv2d(unique, shared, mixing).train(self.training)

    def _conv(self, filters: Tensor) -> nn.Conv2d:
        arguments = self.geometry.arguments | {"out_channels": len(filters)}
        return conv_of(self, self.shared, arguments, filters, None)

    def extra_repr(self) -> str:
        """Show the arguments."""
        shared, unique = self.counts
        return self.geometry.described(shared=shared, unique=unique, bank_name=self.bank_name)
