"""The numbers of a layer that shares filters with others (arXiv 2006.05066), and the filters they make."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lcsearch.layers import initialization, shared_sizes
from lcsearch.layers.bank_norm import BankNorm, InnerNorm
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.shape import ConvShape


class SharedFilters(FamilyLayer):
    """Shared filters S, unique filters U, and the mixing A of what a batch norm makes of both.

    The bank S is a parameter of one layer, its owner, so that it is counted and saved once; the others refer
    to that layer.

    Args:
        geometry: The convolution that the layer stands for.
        shared: Filters of the bank; its owner's where there is one.
        unique: Filters of its own.
        bank_name: What specs call the bank.
        owner: The layer that holds the bank; None for one that holds it itself.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Attributes: see `lcsearch.layers.SharedConv2d`.

    Raises:
        ValueError: An argument is out of its range, or the owner's shape is another.
    """

    family: ClassVar[str] = "shared"

    bank: nn.Parameter | None
    unique: nn.Parameter | None
    mixing: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        geometry: Geometry,
        *,
        shared: int,
        unique: int,
        bank_name: str,
        owner: SharedFilters | None,
        device: Any,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.geometry = geometry
        shared_sizes.check(self.shape, shared, unique)
        vars(self).update(geometry.attributes)
        self.counts, self.bank_name = (shared, unique), bank_name
        self._make({"device": device, "dtype": dtype}, owner is None)
        if owner is not None:
            self.borrow(owner)
        self.reset_parameters()

    def _make(self, options: dict[str, Any], owns: bool) -> None:
        """Create the parameters."""
        (shared, unique), out = self.counts, self.geometry.out_channels
        shapes: dict[str, tuple[int, ...]] = {"mixing": (out, unique + shared)}
        if owns:
            shapes["bank"] = (shared, *self.geometry.filter_shape)
        if unique:
            shapes["unique"] = (unique, *self.geometry.filter_shape)
        if self.geometry.bias:
            shapes["bias"] = (out,)
        for name in ("bank", "unique", "mixing", "bias"):
            shape = shapes.get(name)
            made = None if shape is None else nn.Parameter(torch.empty(shape, **options))
            self.register_parameter(name, made)
        self.norm = BankNorm(unique + shared, **options)

    def borrow(self, owner: FamilyLayer) -> None:
        """Use the bank of another layer from now on, or the one that it uses."""
        if not isinstance(owner, SharedFilters):
            raise ValueError(f"owner={type(owner).__name__} has no bank")
        shared_sizes.check_alike({"owner": owner.shape, "layer": self.shape})
        if self.counts[0] != owner.counts[0]:
            raise ValueError(f"shared={self.counts[0]!r} must be {owner.counts[0]!r}, as in the owner's bank")
        self.register_parameter("bank", None)
        super().borrow(owner.owner or owner)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw fresh parameters; the bank where it is the layer's own."""
        for filters in (self.bank, self.unique):
            if filters is not None:
                initialization.init_orthonormal(filters)
        self.norm.reset()
        initialization.init_primary(self.mixing)
        if self.bias is not None:
            initialization.init_bias(self.bias, self.geometry.filter_size)

    @property
    def shape(self) -> ConvShape:
        """The convolution that the layer stands for."""
        return self.geometry.shape

    @property
    def shared(self) -> nn.Parameter:
        """The bank (s, in, kh, kw), wherever it lies."""
        holder = self.owner or self
        assert isinstance(holder, SharedFilters) and holder.bank is not None
        return holder.bank

    def follow(self, lead: FamilyLayer, *, bias: bool) -> None:
        """Have the tensors of another layer, its bank included."""
        if isinstance(lead, SharedFilters) and lead.owner is not None:
            self.borrow(lead)
        super().follow(lead, bias=bias)

    def bank_filters(self) -> Tensor:
        """Return the unique filters, and then the shared ones, (u + s, in, kh, kw)."""
        return self.shared if self.unique is None else torch.cat([self.unique, self.shared])

    def folded_mixing(self) -> Tensor:
        """The mixing (out, u + s), with the factors of the batch norm in evaluation."""
        return self.mixing * self.norm.affine()[0]

    def folded_bias(self) -> Tensor:
        """The bias (out,), with what the batch norm adds in evaluation."""
        added = self.mixing @ self.norm.affine()[1]
        return added if self.bias is None else self.bias + added

    def filters(self) -> Tensor:
        """Return all filters (out, in, kh, kw), as they are in evaluation."""
        filters = self.bank_filters()
        made = self.folded_mixing() @ filters.flatten(1)
        return made.to(filters.dtype).view(-1, *filters.shape[1:])  # which autocast may have left

    @torch.no_grad()
    def match_scale(self, conv: nn.Conv2d) -> None:
        """Scale the mixing so that the filters are as large as a convolution's. Take over its bias."""
        initialization.match_scale(self.mixing, self.filters(), conv.weight)
        if conv.bias is not None and self.bias is not None:
            self.bias.copy_(conv.bias)

    def inner_norm(self) -> InnerNorm:
        """The batch norm between the filters and their mixing."""
        return InnerNorm(self.norm, self.answers)

    def mixture(self, x: Tensor) -> tuple[Tensor, nn.Parameter]:
        """What the batch norm makes of the answers of all filters, and the mixing."""
        return self.norm(self.answers(x)), self.mixing

    def answers(self, x: Tensor) -> Tensor:
        """What all filters make of x (n, in, h, w)."""
        return self.geometry.convolve(x, self.bank_filters(), None, 1)
