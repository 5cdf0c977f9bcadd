"""The LinearConv layer (arXiv 1907.11432), in weight space and in feature space."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.layers import arithmetic, initialization, inward, mixing, outward
from lcsearch.layers.cache import FilterCache
from lcsearch.layers.cost import Chooser, Plan, Use, Way
from lcsearch.layers.geometry import Geometry, Pair


class LinearConv2d(nn.Module):
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

    bias: nn.Parameter | None
    coefficients: nn.Parameter | None
    column: nn.Parameter | None
    row: nn.Parameter | None
    mask: Tensor | None
    order: Tensor

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
        super().__init__()
        if compute not in ("auto", "weight", "feature"):
            raise ValueError(f"compute={compute!r} must be 'auto', 'weight' or 'feature'")
        self.geometry = Geometry.checked(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
        )
        for name, value in self.geometry.arguments.items():
            if name != "bias":
                setattr(self, name, value)
        self.compute, self.per_group = compute, per_group
        self.alpha, self.sparsity = alpha, sparsity
        self.banks = groups if per_group else 1
        p, s = arithmetic.split(out_channels // self.banks, alpha)
        self.rank = arithmetic.checked_rank(p, s, rank, rank_ratio, sparsity)
        self.target_zeros = 0
        if sparsity is not None:
            self.target_zeros = self.banks * s * p - arithmetic.kept(self.banks * p, s, sparsity)
        depth, height, width = self.geometry.filter_shape
        self.plan = Plan(self.banks * p, self.banks * s, depth, height * width, groups, self.banks)
        self._make(p, s, {"device": device, "dtype": dtype})
        self.reset_parameters()

    def _make(self, p: int, s: int, options: dict[str, Any]) -> None:
        """Create the parameters and buffers for p primary and s secondary filters per bank."""
        out, banks = self.geometry.out_channels, self.banks
        self.primary = nn.Parameter(torch.empty(banks * p, *self.geometry.filter_shape, **options))
        shapes: dict[str, tuple[int, int] | None] = dict.fromkeys(("coefficients", "column", "row"))
        if self.rank is None:
            shapes["coefficients"] = (banks * s, p)
        else:
            shapes |= {"column": (banks * s, self.rank), "row": (banks * self.rank, p)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, **options)) if shape else None)
        self.register_parameter(
            "bias", nn.Parameter(torch.empty(out, **options)) if self.geometry.bias else None
        )
        sparse = self.sparsity is not None and self.rank is None
        mask = torch.ones(banks * s, p, dtype=torch.bool, device=options["device"]) if sparse else None
        self.register_buffer("mask", mask)
        self.register_buffer("order", torch.arange(out, device=options["device"]))
        self.permuted = False
        self.pruned_to = -1
        self._cache = FilterCache()
        self._chooser = Chooser(self.plan, self.geometry)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw fresh parameters; a mask becomes all True and the order the identity."""
        initialization.init_primary(self.primary)
        if self.coefficients is not None:
            initialization.init_full(self._banked(self.coefficients))
        if self.column is not None and self.row is not None:
            initialization.init_low_rank(self._banked(self.column), self._banked(self.row))
        if self.bias is not None:
            initialization.init_bias(self.bias, self.geometry.filter_size)
        if self.mask is not None:
            self.mask.fill_(True)
        self.pruned_to = -1
        self.order.copy_(torch.arange(len(self.order)))
        self.permuted = False

    def set_order(self, order: Tensor) -> None:
        """Set the output channel (out,) of each filter of [V; A V]; must be a permutation."""
        self.order.copy_(order)
        self._note_order()

    def _note_order(self) -> None:
        if not self.order.is_meta:
            self.permuted = not torch.equal(self.order.cpu(), torch.arange(len(self.order)))

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        super()._load_from_state_dict(*args, **options)
        self._note_order()
        self.pruned_to = -1

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; what evaluation had built is forgotten."""
        self._cache.clear()
        return super().train(mode)

    @property
    def own_p(self) -> int:
        """Primary filters that a secondary one combines: all, or those of its group."""
        return self.plan.p // self.banks

    @property
    def shape(self) -> arithmetic.ConvShape:
        """The convolution that the layer stands for."""
        g = self.geometry
        return arithmetic.ConvShape(g.in_channels, g.out_channels, g.kernel_size, g.groups, g.bias)

    @classmethod
    def from_conv(cls, conv: nn.Conv2d, **options: Any) -> Self:
        """Return the closest layer to a trained convolution, on its device and in its dtype.

        Primaries are chosen by pivoted QR, coefficients by least squares on the filters; low-rank ones are
        the best of their rank, sparse ones are pruned and fitted again. ``order`` keeps the channels' order.

        Args:
            conv: A convolution with finite floating-point weights.
            options: ``alpha``, ``rank``, ``rank_ratio``, ``sparsity``, ``compute``, ``per_group``.

        Raises:
            TypeError: conv is transposed, lazy, quantised, without values or no ``nn.Conv2d``.
            ValueError: An option is out of its range, or a weight is not finite.
        """
        inward.check_conv(conv)
        options |= {"device": conv.weight.device, "dtype": conv.weight.dtype}
        layer = cls(**Geometry.of(conv).arguments, **options)
        inward.fit(layer, conv)
        return layer.train(conv.training)

    def to_conv(self) -> nn.Conv2d:
        """Return the equal plain convolution."""
        return outward.to_conv(self)

    def factorize(self) -> nn.Module:
        """Return equal standard layers, in the form that takes fewer multiply-accumulates."""
        return outward.factorize(self)

    def matrices(self) -> Tensor:
        """Return A (s, p), or (groups, s, p) of each group's own s and p; what is pruned is zero."""
        if self.rank is not None:
            column, row = self._low_rank()
            return column @ row
        coefficients: Tensor | None = self.coefficients
        assert coefficients is not None
        if self.sparsity is not None and self.mask is not None:
            coefficients = coefficients * self.mask
        return self._banked(coefficients)

    def _low_rank(self) -> tuple[Tensor, Tensor]:
        """Return C (..., s, r) and R (..., r, p)."""
        column, row = self.column, self.row
        assert column is not None and row is not None
        return self._banked(column), self._banked(row)

    def _banked(self, matrix: Tensor) -> Tensor:
        """View stacked matrices (banks * rows, columns) as (banks, rows, columns); one stays as it is."""
        return matrix if self.banks == 1 else matrix.view(self.banks, -1, matrix.shape[1])

    def mixer(self) -> Tensor:
        """Return [I; A] (out, p), bank under bank, in the order of the output channels.

        Mixing all outputs of the primaries by one matrix costs p * p products more than mixing by A alone,
        and is still the faster way: it needs no concatenation of feature maps, forward and backward.
        """
        matrices = self.matrices()
        identity = torch.eye(self.own_p, dtype=matrices.dtype, device=matrices.device)
        rows = [identity.expand(*matrices.shape[:-2], -1, -1), matrices]
        return self._place(torch.cat(rows, -2).flatten(0, -2))

    def filters(self) -> Tensor:
        """Return all filters (out, in / groups, kh, kw), in the order of the output channels."""
        primary = self.primary
        flat = self._banked(primary.flatten(1))
        secondary = self._secondary(flat)
        if secondary.dtype != primary.dtype:  # under autocast
            secondary = secondary.to(primary.dtype)
        if self.banks == 1:  # small layers in training feel each call: no view more than needed
            return self._place(torch.cat((primary, secondary.view(-1, *primary.shape[1:]))))
        return self._place(torch.cat((flat, secondary), -2).view(-1, *primary.shape[1:]))

    def _secondary(self, primary: Tensor) -> Tensor:
        """Return A V (..., s, n) of primary filters (..., p, n), multiplied in the cheaper order."""
        if self.rank is None:
            return self.matrices() @ primary
        column, row = self._low_rank()
        return column @ (row @ primary)

    def way(self, x: Tensor) -> Way:
        """Return which way the layer computes its output for an input x (n, in, h, w)."""
        if self.compute != "auto":
            return self.compute
        use: Use = "images" if self.training else "evaluation"
        if torch.is_grad_enabled():
            use = "training" if x.requires_grad else "images"
        return self._chooser.way(x.shape, use)

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

    def _place(self, rows: Tensor) -> Tensor:
        """Bring the rows (out, ...) of [V; A V] into the order of the output channels."""
        return rows.index_select(0, self.order.argsort()) if self.permuted else rows

    def extra_repr(self) -> str:
        """Show the arguments."""
        shown = [f"{name}={value!r}" for name, value in self.geometry.arguments.items()]
        for name in ("alpha", "rank", "sparsity", "compute", "per_group"):
            shown.append(f"{name}={getattr(self, name)!r}")
        return ", ".join(shown)


def coefficient_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Return the coefficients (A, or C and R) of all LinearConv layers: what weight decay leaves alone."""
    layers = [layer for layer in model.modules() if isinstance(layer, LinearConv2d)]
    return [c for layer in layers for c in (layer.coefficients, layer.column, layer.row) if c is not None]
