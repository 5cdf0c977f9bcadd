"""The LinearConv layer (arXiv 1907.11432), in weight space and in feature space."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.layers import conversion, mixing
from lcsearch.layers.cache import FilterCache
from lcsearch.layers.cost import Chooser, Way, check_compute, use_of
from lcsearch.layers.filters import LinearFilters
from lcsearch.layers.geometry import Geometry, Pair, check_conv
from lcsearch.layers.shape import Places


class LinearConv2d(LinearFilters):
    """A 2-d convolution of which only p filters are learned; the others are linear combinations of them.

    With V the (p, in / groups, kh, kw) primary filters and A the (s, p) coefficients, the filters are
    [V; A V]. The layer computes either ``conv(x, [V; A V])`` (weight space) or ``y = conv(x, V); [y; A y]``
    (feature space); both give the same output. It takes (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does.

    Args:
        in_channels: As ``nn.Conv2d``, like all up to ``dtype``.
        out_channels: Filters, primary and secondary.
        kernel_size: Kernel height and width.
        stride: Stride.
        padding: Padding, also ``same`` and ``valid``.
        dilation: Dilation.
        groups: Groups. A combines primary filters across groups unless ``per_group``.
        bias: Whether there is a bias.
        padding_mode: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
        device: Device of the parameters.
        dtype: Type of the parameters.
        alpha: Share of primary filters, in (0, 1]; p = min(out, max(1, round(alpha * out))).
        rank: Coefficient rank r for A = C R, 1 to min(s, p); None for none.
        rank_ratio: The same as a share of p, in (0, 1]: r = max(1, int(p * rank_ratio)), at most min(s, p).
        sparsity: Share of A, in [0, 1), that ``prune_coefficients`` brings to zero; None for none.
        compute: ``weight`` or ``feature`` space, or ``auto`` for the cheaper one.
        per_group: Each group has its own primaries and coefficients: alpha, rank and sparsity are per group,
            and the filters of a group are its primaries, then its secondaries.

    Attributes:
        primary: (p, in / groups, kh, kw) primary filters.
        coefficients: (s, p) matrix A; (s, p / groups) where per group; None where low-rank.
        column: (s, r) matrix C, or None.
        row: (r, p) matrix R; (groups * r, p / groups) where per group; or None.
        bias: (out,) bias in the order of the output channels, or None.
        mask: bool buffer of the coefficients' shape, False where pruned; None unless sparse.
        order: int64 buffer (out,), the output channel of each filter of [V; A V]. Set by ``set_order`` only.

    With alpha = 1 there are no coefficients: ``rank`` and ``sparsity`` then have no effect.

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
        alpha: float = 0.5,
        rank: int | None = None,
        rank_ratio: float | None = None,
        sparsity: float | None = None,
        compute: Literal["auto", "weight", "feature"] = "auto",
        per_group: bool = False,
    ) -> None:
        check_compute(compute)
        geometry = Geometry.checked(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
        )
        super().__init__(
            geometry,
            alpha=alpha,
            rank=rank,
            rank_ratio=rank_ratio,
            sparsity=sparsity,
            per_group=per_group,
            device=device,
            dtype=dtype,
        )
        self.compute = compute
        self._cache = FilterCache()
        self._chooser = Chooser(self.plan, self.geometry)

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; what evaluation had built is forgotten."""
        self._cache.clear()
        return super().train(mode)

    @classmethod
    def from_conv(cls, conv: nn.Conv2d, **options: Any) -> Self:
        """Return the closest layer to a trained convolution, on its device and in its dtype.

        Its filters are the closest to the convolution's, number by number, in closed form
        (``lcsearch.layers.fit``). ``order`` keeps the channels' order.

        Args:
            conv: A convolution with finite floating-point weights.
            options: ``alpha``, ``rank``, ``rank_ratio``, ``sparsity``, ``compute``, ``per_group``.

        Raises:
            TypeError: conv is transposed, lazy, quantised, without values or no ``nn.Conv2d``.
            ValueError: An option is out of its range, or a weight is not finite.
        """
        check_conv(conv)
        options |= {"device": conv.weight.device, "dtype": conv.weight.dtype}
        layer = cls(**Geometry.of(conv).arguments, **options)
        conversion.take(layer, conv)
        return layer.train(conv.training)

    def to_conv(self) -> nn.Conv2d:
        """Return the equal plain convolution."""
        return conversion.to_conv(self)

    def factorize(self, places: Places | None = None) -> nn.Module:
        """Return equal standard layers, in the form that takes fewer multiply-accumulates anywhere."""
        return conversion.factorize(self)

    def way(self, x: Tensor) -> Way:
        """Return which way the layer computes its output for an input x (n, in, h, w)."""
        if self.compute != "auto":
            return self.compute
        return self._chooser.choice(x.shape, use_of(x, self.training))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does."""
        if x.dim() == 3:
            return self.forward(x[None])[0]
        if self.way(x) == "weight":
            filters = self._cache.get(self, "filters", self.filters)
            return self.geometry.convolve(x, filters, self.bias, self.geometry.groups)
        return self._feature(x)

    def _feature(self, x: Tensor) -> Tensor:
        tiles = self.geometry.groups // self.banks
        primary = self.primary if tiles == 1 else self.primary.repeat(tiles, 1, 1, 1)
        y = self.geometry.convolve(x, primary, None, self.geometry.groups)
        if self.geometry.groups == 1 and not self.permuted and mixing.pays(y):
            return mixing.mix(y, self.matrices(), self.bias)
        mixer = self._cache.get(self, "mixer", self.mixer)
        return F.conv2d(y, mixer[:, :, None, None], self.bias, groups=self.geometry.groups)

    def extra_repr(self) -> str:
        """Show the arguments."""
        names = ("alpha", "rank", "sparsity", "compute", "per_group")
        return self.geometry.described(**{name: getattr(self, name) for name in names})
