"""The numbers of a basis layer (arXiv 1906.04509): a bank of filters, their mixing, and what they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lcsearch.layers import basis_sizes, initialization
from lcsearch.layers.bank_norm import BankNorm, InnerNorm
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.shape import ConvShape


class BasisFilters(FamilyLayer):
    """A bank F (Q, in, kh, kw) of filters and their mixing w (out, Q): the filters are w F.

    Args:
        geometry: The convolution that the layer stands for.
        filters: Q.
        train_basis: Whether the bank trains, with a batch norm behind it.
        bank_seed: Draws the bank; None for one that a file has to hold.
        device: Device of the tensors.
        dtype: Type of the tensors.

    Attributes: see `lcsearch.layers.BasisConv2d`.

    Raises:
        ValueError: An argument is out of its range; the message names it, its value and the range.
    """

    family: ClassVar[str] = "basis"

    bank: Tensor
    mixing: nn.Parameter
    bias: nn.Parameter | None
    norm: BankNorm | None

    def __init__(
        self,
        geometry: Geometry,
        *,
        filters: int,
        train_basis: bool,
        bank_seed: int | None,
        device: Any,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.geometry = geometry
        basis_sizes.check(self.shape, filters, train_basis, bank_seed)
        vars(self).update(geometry.attributes)
        self.count, self.train_basis, self.bank_seed = filters, train_basis, bank_seed
        self._make({"device": device, "dtype": dtype})
        self.reset_parameters()

    def _make(self, options: dict[str, Any]) -> None:
        """Create the tensors."""
        out = self.geometry.out_channels
        bank = torch.empty(self.count, *self.geometry.filter_shape, **options)
        if self.train_basis:
            self.bank = nn.Parameter(bank)
        else:
            self.register_buffer("bank", bank)
        self.norm = BankNorm(self.count, **options) if self.train_basis else None
        self.mixing = nn.Parameter(torch.empty(out, self.count, **options))
        self.register_parameter(
            "bias", nn.Parameter(torch.empty(out, **options)) if self.geometry.bias else None
        )

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw fresh parameters, and a fresh bank where it has no seed of its own."""
        if not self.bank.is_meta:
            with torch.device("cpu"):
                chance = int(torch.randint(2**31, ())) if self.bank_seed is None else 0
            seed = self.bank_seed if self.bank_seed is not None else chance
            self.bank.copy_(self._drawn(seed))
        if self.norm is not None:
            self.norm.reset()
        initialization.init_primary(self.mixing)
        if self.bias is not None:
            initialization.init_bias(self.bias, self.geometry.filter_size)

    def _drawn(self, seed: int) -> Tensor:
        """A bank of orthonormal filters, in float32 on the CPU."""
        from lcsearch.layers.basis_bank import drawn

        return torch.from_numpy(drawn(seed, self.count, self.geometry.filter_size).copy()).view(
            self.count, *self.geometry.filter_shape
        )

    @property
    def shape(self) -> ConvShape:
        """The convolution that the layer stands for."""
        return self.geometry.shape

    def folded_mixing(self) -> Tensor:
        """The mixing (out, Q), with the factors of the batch norm in evaluation."""
        return self.mixing if self.norm is None else self.mixing * self.norm.affine()[0]

    def folded_bias(self) -> Tensor | None:
        """The bias (out,), with what the batch norm adds in evaluation; None where there is neither."""
        if self.norm is None:
            return self.bias
        added = self.mixing @ self.norm.affine()[1]
        return added if self.bias is None else self.bias + added

    def filters(self) -> Tensor:
        """Return all filters (out, in, kh, kw), as they are in evaluation."""
        made = self.folded_mixing() @ self.bank.flatten(1)
        if made.dtype != self.bank.dtype:  # under autocast
            made = made.to(self.bank.dtype)
        return made.view(-1, *self.bank.shape[1:])

    @torch.no_grad()
    def match_scale(self, conv: nn.Conv2d) -> None:
        """Scale the mixing so that the filters are as large as a convolution's. Take over its bias."""
        initialization.match_scale(self.mixing, self.filters(), conv.weight)
        if conv.bias is not None and self.bias is not None:
            self.bias.copy_(conv.bias)

    def stored_buffers(self) -> list[Tensor]:
        """The bank, where it neither trains nor comes from a seed."""
        return [] if self.train_basis or self.bank_seed is not None else [self.bank]

    def inner_norm(self) -> InnerNorm | None:
        """The batch norm between bank and mixing."""
        return None if self.norm is None else InnerNorm(self.norm, self.answers)

    def answers(self, x: Tensor) -> Tensor:
        """What the bank makes of x (n, in, h, w)."""
        return self.geometry.convolve(x, self.bank, None, 1)

    def implied(self) -> Mapping[str, Tensor]:
        """The bank, where it comes from a seed."""
        return {} if self.bank_seed is None else {"bank": self._drawn(self.bank_seed).to(self.bank.dtype)}
