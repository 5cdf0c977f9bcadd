"""The basis layer (arXiv 1906.04509; its bank trained: arXiv 2105.10436), in weight and in feature space."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.layers import basis_conversion
from lcsearch.layers.basis_filters import BasisFilters
from lcsearch.layers.cache import FilterCache
from lcsearch.layers.cost import Chooser, Plan, Way, check_compute, use_of
from lcsearch.layers.geometry import Geometry, Pair, check_conv
from lcsearch.layers.shape import Places


class BasisConv2d(BasisFilters):
    """A 2-d convolution whose filters are mixed from a bank of Q filters, which does not train.

    With F the (Q, in, kh, kw) bank and w the (out, Q) mixing, the filters are w F. The layer computes either
    one convolution by these filters (weight space), or one by the bank and then a 1x1 convolution by w
    (feature space); both give the same output. It takes (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does.

    With ``train_basis`` the bank trains, and there is a batch norm between the two convolutions. It comes
    behind the padded one, so in evaluation it is exactly a factor on w and a summand of the bias. In training
    it takes what the bank makes of the images at hand, so there is feature space alone.

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
        device: Device of the tensors.
        dtype: Type of the tensors.
        filters: Q, 1 to min(out, in * kh * kw).
        train_basis: Whether the bank trains.
        bank_seed: Seed of a random bank, which files then leave out; None for one that they hold.
        compute: ``weight`` or ``feature`` space, or ``auto`` for the cheaper one.

    Attributes:
        bank: (Q, in, kh, kw), a buffer, or a parameter where it trains; fresh, its rows are orthonormal.
        mixing: (out, Q).
        bias: (out,), or None.
        norm: The batch norm between them where the bank trains, or None.

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
        filters: int,
        train_basis: bool = False,
        bank_seed: int | None = None,
        compute: Literal["auto", "weight", "feature"] = "auto",
    ) -> None:
        check_compute(compute)
        geometry = Geometry.checked(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
        )
        super().__init__(
            geometry,
            filters=filters,
            train_basis=train_basis,
            bank_seed=bank_seed,
            device=device,
            dtype=dtype,
        )
        self.compute = compute
        self._cache = FilterCache()
        depth, height, width = geometry.filter_shape
        plan = Plan(filters, geometry.out_channels - filters, depth, height * width, 1, 1)
        self._chooser = Chooser(plan, geometry)

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; what evaluation had built is forgotten."""
        self._cache.clear()
        return super().train(mode)

    @classmethod
    def from_conv(cls, conv: nn.Conv2d, *, energy: float | None = None, **options: Any) -> Self:
        """Return the closest layer to a trained convolution, number by number, on its device, in its dtype.

        The bank is the first Q right singular vectors of the filters as a matrix, the mixing what the filters
        have along them (Eckart and Young); of a bank with a seed the mixing alone is fitted.

        Args:
            conv: A convolution with finite floating-point weights.
            energy: In place of ``filters``: the fewest that keep this share of the filters' squares.
            options: ``filters``, ``train_basis``, ``bank_seed``, ``compute``.

        Raises:
            TypeError: conv is transposed, lazy, quantised, without values or no ``nn.Conv2d``.
            ValueError: An option is out of its range, or a weight is not finite.
        """
        check_conv(conv)
        if energy is not None:
            options["filters"] = basis_conversion.filters_for(conv, energy)
        options |= {"device": conv.weight.device, "dtype": conv.weight.dtype}
        layer = cls(**Geometry.of(conv).arguments, **options)
        basis_conversion.take(layer, conv)
        return layer.train(conv.training)

    def to_conv(self) -> nn.Conv2d:
        """Return the plain convolution that gives the same output as the layer in evaluation."""
        return basis_conversion.to_conv(self)

    def factorize(self, places: Places | None = None) -> nn.Module:
        """Return equal standard layers, in the form that takes fewer multiply-accumulates anywhere."""
        return basis_conversion.factorize(self)

    def way(self, x: Tensor) -> Way:
        """Return which way the layer computes its output for an input x (n, in, h, w)."""
        if self.norm is not None and self.training:
            return "feature"
        if self.compute != "auto":
            return self.compute
        return self._chooser.choice(x.shape, use_of(x, self.training))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does."""
        if x.dim() == 3:
            return self.forward(x[None])[0]
        if self.way(x) == "weight":
            filters = self._cache.get(self, "filters", self.filters)
            return self.geometry.convolve(x, filters, self._bias(), 1)
        y = self.answers(x)
        if self.norm is not None and self.training:
            return F.conv2d(self.norm(y), self.mixing[:, :, None, None], self.bias)
        mixing = self._cache.get(self, "mixing", self.folded_mixing)
        return F.conv2d(y, mixing[:, :, None, None], self._bias())

    def _bias(self) -> Tensor | None:
        """The folded bias, kept where it has to be computed."""
        if self.norm is None:
            return self.bias
        return self._cache.get(self, "bias", self._folded_bias)

    def _folded_bias(self) -> Tensor:
        found = self.folded_bias()
        assert found is not None  # there is a batch norm
        return found

    def extra_repr(self) -> str:
        """Show the arguments."""
        own = {name: getattr(self, name) for name in ("train_basis", "bank_seed", "compute")}
        return self.geometry.described(filters=self.count, **own)
