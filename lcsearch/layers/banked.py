"""Standard layers that give together what one convolution would, and share filters with other such layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.layers.factorized import ConvInSteps
from lcsearch.layers.geometry import held


class BankedConv2d(ConvInSteps):
    """Filters of its own, and filters that others use too; then a 1x1 convolution that mixes both.

    Args:
        unique: A convolution by the filters of its own, or None where there are none.
        shared: One by the others, of the same geometry.
        mixing: 1x1, with the bias of the whole; it reads what ``unique`` makes first.
    """

    def __init__(self, unique: nn.Conv2d | None, shared: nn.Conv2d, mixing: nn.Conv2d) -> None:
        super().__init__(held(shared) | {"out_channels": mixing.out_channels})
        self.unique = unique
        self.shared = shared
        self.mixing = mixing

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does."""
        made: Tensor = self.shared(x)
        if self.unique is not None:
            made = torch.cat([self.unique(x), made], dim=-3)
        mixed: Tensor = self.mixing(made)
        return mixed

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The filters (out, in, kh, kw) of the one equal convolution, with gradients."""
        filters = self.shared.weight
        if self.unique is not None:
            filters = torch.cat([self.unique.weight, filters])
        return (self.mixing.weight.flatten(1) @ filters.flatten(1)).view(-1, *filters.shape[1:])

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The bias (out,) of the whole, or None."""
        return self.mixing.bias


def share_bank(own: nn.Module, owner: nn.Module) -> None:
    """Make what stands for one layer hold the shared filters of what stands for another, if both have any."""
    if isinstance(own, BankedConv2d) and isinstance(owner, BankedConv2d):
        own.shared.weight = owner.shared.weight
