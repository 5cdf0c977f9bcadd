"""A convolution in two steps, which can be read like the one that it stands for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.layers.geometry import held


class FactorizedConv2d(nn.Sequential, nn.Conv2d):  # type: ignore[misc]
    """A convolution to fewer channels, then a 1x1 convolution that mixes them, of the same groups.

    It is an ``nn.Sequential`` of standard layers, and an ``nn.Conv2d`` without parameters of its own, so that
    a net that asks what its layers are, or reads one, still works.

    Args:
        first: Of any geometry.
        second: 1x1, with the bias of the whole.
    """

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d) -> None:
        nn.Module.__init__(self)
        self.append(first)
        self.append(second)
        vars(self).update(held(first) | {"out_channels": second.out_channels})

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The filters (out, in / groups, kh, kw) of the one equal convolution, with gradients."""
        first, second = (step.weight for step in self._steps())
        mixing = second.reshape(self.groups, -1, second.shape[1])
        mixed = torch.bmm(mixing, first.reshape(self.groups, second.shape[1], -1))
        return mixed.view(-1, *first.shape[1:])

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The bias (out,) of the whole, or None."""
        return self._steps()[1].bias

    def reset_parameters(self) -> None:
        """Draw fresh parameters of both steps."""
        for step in self._steps():
            step.reset_parameters()

    def _steps(self) -> list[nn.Conv2d]:
        return [step for step in self.children() if isinstance(step, nn.Conv2d)]
