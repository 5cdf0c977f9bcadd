"""A batch norm inside a layer: between a bank of filters and their mixing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_EPS, _MOMENTUM = 1e-5, 0.1


class InnerNorm(NamedTuple):
    """A batch norm inside a layer.

    Attributes:
        norm: Itself.
        answers: What it gets, for an input (n, in, h, w) of the layer, which need not call it in evaluation.
    """

    norm: BankNorm
    answers: Callable[[Tensor], Tensor]


class BankNorm(nn.Module):
    """Batch norm of the answers of filters, which folds into what mixes them.

    It is no ``nn.BatchNorm2d``: what is done to the batch norms of a net when its layers change would change
    the filters that its layer stands for. `keep` takes other statistics and changes nothing.

    Args:
        channels: Filters.
        device: Device of the tensors.
        dtype: Type of the tensors.

    Attributes:
        gain: (channels,) factor on what is normalised.
        offset: (channels,) what is added to it.
        mean: (channels,) buffer, the running mean.
        variance: (channels,) buffer, the running variance, unbiased.
    """

    gain: nn.Parameter
    offset: nn.Parameter
    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        options: dict[str, Any] = {"device": device, "dtype": dtype}
        self.gain = nn.Parameter(torch.ones(channels, **options))
        self.offset = nn.Parameter(torch.zeros(channels, **options))
        self.register_buffer("mean", torch.zeros(channels, **options))
        self.register_buffer("variance", torch.ones(channels, **options))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (n, channels, h, w): in training by its own statistics, which are noted."""
        return F.batch_norm(
            x, self.mean, self.variance, self.gain, self.offset, self.training, _MOMENTUM, _EPS
        )

    def affine(self) -> tuple[Tensor, Tensor]:
        """What it does in evaluation: factor and summand (channels,), with gradients."""
        factor = self.gain * (self.variance + _EPS).rsqrt()
        return factor, self.offset - self.mean * factor

    @torch.no_grad()
    def reset(self) -> None:
        """Do nothing in evaluation, up to the last digits, until statistics are noted."""
        self.gain.fill_(1)
        self.offset.zero_()
        self.mean.zero_()
        self.variance.fill_(1 - _EPS)

    @torch.no_grad()
    def keep(self, mean: Tensor, variance: Tensor) -> None:
        """Take the statistics (channels,) of what it gets, and do what it did before.

        In training it then does the same to images like those that were measured.
        """
        factor, summand = self.affine()
        self.mean.copy_(mean)
        self.variance.copy_(variance)
        self.gain.copy_(factor * (self.variance + _EPS).sqrt())
        self.offset.copy_(summand + self.mean * factor)
