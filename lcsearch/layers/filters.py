"""The numbers of a LinearConv layer (arXiv 1907.11432): primary filters, coefficients, and what they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lcsearch.layers import arithmetic, initialization, pruning
from lcsearch.layers.cost import Plan
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.shape import ConvShape, Size


@dataclass
class _Noted:
    """What is known of the values of the mask and the order, which are slow to look at on a GPU."""

    permuted: bool = False
    pruned_to: int = -1


class LinearFilters(FamilyLayer):
    """The primary filters V (p, in / groups, kh, kw) and coefficients A (s, p) of a layer: it has [V; A V].

    Args:
        geometry: The convolution that the layer stands for.
        alpha: Share of primary filters, in (0, 1].
        rank: Coefficient rank r for A = C R, 1 to min(s, p); None for none.
        rank_ratio: The same as a share of p, in (0, 1].
        sparsity: Share of A, in [0, 1), that is pruned during training; None for none.
        per_group: Each group has its own primaries and coefficients.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Attributes: see `lcsearch.layers.LinearConv2d`.

    Raises:
        ValueError: An argument is out of its range; the message names it, its value and the range.
    """

    family: ClassVar[str] = "linear"

    bias: nn.Parameter | None
    coefficients: nn.Parameter | None
    column: nn.Parameter | None
    row: nn.Parameter | None
    mask: Tensor | None
    order: Tensor

    def __init__(
        self,
        geometry: Geometry,
        *,
        alpha: float,
        rank: int | None,
        rank_ratio: float | None,
        sparsity: float | None,
        per_group: bool,
        device: Any,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.geometry = geometry
        vars(self).update(geometry.attributes)
        self.per_group = per_group
        self.alpha, self.sparsity = alpha, sparsity
        self.banks = geometry.groups if per_group else 1
        p, s = arithmetic.split(geometry.out_channels // self.banks, alpha)
        self.rank = arithmetic.checked_rank(p, s, rank, rank_ratio, sparsity)
        self.target_zeros = 0
        if sparsity is not None:
            self.target_zeros = self.banks * s * p - arithmetic.kept(self.banks * p, s, sparsity)
        depth, height, width = geometry.filter_shape
        self.plan = Plan(self.banks * p, self.banks * s, depth, height * width, geometry.groups, self.banks)
        self._noted = _Noted()
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
        self._noted.permuted = False

    def set_order(self, order: Tensor) -> None:
        """Set the output channel (out,) of each filter of [V; A V]; must be a permutation."""
        self.order.copy_(order)
        self._note_order()

    def _note_order(self) -> None:
        if not self.order.is_meta:
            self._noted.permuted = not torch.equal(self.order.cpu(), torch.arange(len(self.order)))

    @property
    def permuted(self) -> bool:
        """Whether the order is another than the identity."""
        return self._noted.permuted

    @property
    def pruned_to(self) -> int:
        """Coefficients that the last pruning left at zero; -1 where that is not known."""
        return self._noted.pruned_to

    @pruned_to.setter
    def pruned_to(self, zeros: int) -> None:
        self._noted.pruned_to = zeros

    def follow(self, lead: FamilyLayer, *, bias: bool) -> None:
        """Share also what is noted of the tensors."""
        super().follow(lead, bias=bias)
        assert isinstance(lead, LinearFilters)
        self._noted = lead._noted

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        super()._load_from_state_dict(*args, **options)
        self._note_order()
        self.pruned_to = -1

    @property
    def own_p(self) -> int:
        """Primary filters that a secondary one combines: all, or those of its group."""
        return self.plan.p // self.banks

    @property
    def shape(self) -> ConvShape:
        """The convolution that the layer stands for."""
        return self.geometry.shape

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

    def _place(self, rows: Tensor) -> Tensor:
        """Bring the rows (out, ...) of [V; A V] into the order of the output channels."""
        return rows.index_select(0, self.order.argsort()) if self.permuted else rows

    @torch.no_grad()
    def match_scale(self, conv: nn.Conv2d) -> None:
        """Scale the primary filters to a convolution's; the secondary ones follow. Take over its bias."""
        initialization.match_scale(self.primary, self.primary, conv.weight)
        if conv.bias is not None and self.bias is not None:
            self.bias.copy_(conv.bias)

    def undecayed(self) -> list[nn.Parameter]:
        """A, or C and R: decay would pull the secondary filters to zero, twice over for two factors."""
        return [c for c in (self.coefficients, self.column, self.row) if c is not None]

    def prunable(self) -> list[nn.Parameter]:
        """Sparse coefficients."""
        return [] if self.mask is None or self.coefficients is None else [self.coefficients]

    @torch.no_grad()
    def prune(self, share: float) -> None:
        """Zero the smallest coefficients, a share of those that training is to bring to zero."""
        if self.mask is None or self.coefficients is None:
            return
        zeros = round(share * self.target_zeros)
        if zeros != self.pruned_to:
            self.mask.copy_(pruning.smallest_masked(self.coefficients, self.mask, zeros))
            self.pruned_to = zeros
        self.coefficients.mul_(self.mask)

    def unstored(self, own: set[nn.Parameter]) -> Size:
        """Coefficients that training will have set to zero for good."""
        zeros = self.target_zeros if self.coefficients in own else 0
        return Size(zeros, zeros)

    def masks(self) -> Mapping[str, str]:
        """The mask of sparse coefficients."""
        return {} if self.mask is None else {"coefficients": "mask"}

    def implied(self) -> Mapping[str, Tensor]:
        """The order, where it is the identity."""
        return {"order": torch.arange(len(self.order))}
