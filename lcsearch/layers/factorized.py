"""Convolutions in several steps, which can be read like the one that they stand for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.layers.geometry import held


class ConvInSteps(nn.Sequential, nn.Conv2d):  # type: ignore[misc]
    """Several convolutions, one after the other, that give what one convolution would.

    It is an ``nn.Sequential`` of standard layers, and an ``nn.Conv2d`` without parameters of its own, so that
    a net that asks what its layers are, or reads one, still works.

    Args:
        steps: The convolutions; the last one has the bias of the whole.
        attributes: What can be read of the one convolution, apart from its tensors.
    """

    def __init__(self, steps: tuple[nn.Conv2d, ...], attributes: dict[str, Any]) -> None:
        nn.Module.__init__(self)
        for step in steps:
            self.append(step)
        vars(self).update(attributes)

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The bias (out,) of the whole, or None."""
        return self._steps()[-1].bias

    def reset_parameters(self) -> None:
        """Draw fresh parameters of all steps."""
        for step in self._steps():
            step.reset_parameters()

    def _steps(self) -> list[nn.Conv2d]:
        return [step for step in self.children() if isinstance(step, nn.Conv2d)]


class FactorizedConv2d(ConvInSteps):
    """A convolution to fewer channels, then a 1x1 convolution that mixes them, of the same groups.

    Args:
        first: Of any geometry.
        second: 1x1, with the bias of the whole.
    """

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d) -> None:
        super().__init__((first, second), held(first) | {"out_channels": second.out_channels})

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The filters (out, in / groups, kh, kw) of the one equal convolution, with gradients."""
        first, second = (step.weight for step in self._steps())
        mixing = second.reshape(self.groups, -1, second.shape[1])
        mixed = torch.bmm(mixing, first.reshape(self.groups, second.shape[1], -1))
        return mixed.view(-1, *first.shape[1:])


class SeparatedConv2d(ConvInSteps):
    """1x1 convolutions, then one of as many groups as it has outputs: each output sums channels of its own.

    Args:
        steps: The last one of any geometry, with the bias of the whole.
    """

    def __init__(self, *steps: nn.Conv2d) -> None:
        read = {"in_channels": steps[0].in_channels, "groups": 1}
        super().__init__(steps, held(steps[-1]) | read)

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The filters (out, in, kh, kw) of the one equal convolution, with gradients."""
        *pointwise, last = (step.weight for step in self._steps())
        mixing = pointwise[0].flatten(1)
        for step in pointwise[1:]:
            mixing = step.flatten(1) @ mixing
        mixing = mixing.view(len(last), -1, mixing.shape[1]).transpose(1, 2)
        return torch.bmm(mixing, last.flatten(2)).view(len(last), -1, *last.shape[2:])
