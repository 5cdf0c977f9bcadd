"""Standard layers that give together what one convolution would, and can be read like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.layers.geometry import held
from lcsearch.layers.separable_mixing import combined


class ConvInSteps(nn.Conv2d):
    """Several convolutions that give what one convolution would.

    It is an ``nn.Conv2d`` without parameters of its own, so that a net that asks what its layers are, or
    reads one, still works.

    Args:
        attributes: What can be read of the one convolution, apart from its tensors.
    """

    def __init__(self, attributes: dict[str, Any]) -> None:
        nn.Module.__init__(self)  # that of nn.Conv2d would make filters
        vars(self).update(attributes)

    def reset_parameters(self) -> None:
        """Draw fresh parameters of all steps."""
        for step in self.modules():
            if isinstance(step, nn.Conv2d) and step is not self:
                step.reset_parameters()


class FactorizedConv2d(nn.Sequential, ConvInSteps):  # type: ignore[misc]
    """A convolution to fewer channels, then a 1x1 convolution that mixes them, of the same groups.

    Args:
        first: Of any geometry.
        second: 1x1, with the bias of the whole.
    """

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d) -> None:
        ConvInSteps.__init__(self, held(first) | {"out_channels": second.out_channels})
        self.append(first)
        self.append(second)

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

    def _steps(self) -> list[nn.Conv2d]:
        return [step for step in self.children() if isinstance(step, nn.Conv2d)]


class SeparatedConv2d(ConvInSteps):
    """A sum of terms, each a 1x1 convolution and then a depthwise one.

    One convolution with K channels in each of ``out`` groups would sum them as well; PyTorch and ONNX Runtime
    take two to four times as long for it.

    Args:
        reduction: A 1x1 convolution that comes before all terms, or None.
        terms: Both convolutions of each; the first term's have the bias of the whole.
    """

    def __init__(self, reduction: nn.Conv2d | None, terms: Sequence[tuple[nn.Conv2d, nn.Conv2d]]) -> None:
        pointwise, depthwise = terms[0]
        first = pointwise if reduction is None else reduction
        super().__init__(held(depthwise) | {"in_channels": first.in_channels, "groups": 1})
        self.reduction = reduction
        self.pointwise = nn.ModuleList(one for one, _ in terms)
        self.depthwise = nn.ModuleList(one for _, one in terms)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (n, in, h, w) or (in, h, w), as ``nn.Conv2d`` does."""
        if self.reduction is not None:
            x = self.reduction(x)
        made: Tensor | None = None
        for pointwise, depthwise in zip(self.pointwise, self.depthwise, strict=True):
            term = depthwise(pointwise(x))
            made = term if made is None else made + term
        assert made is not None
        return made

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The filters (out, in, kh, kw) of the one equal convolution, with gradients."""
        mixing = torch.stack([step.weight.flatten(1) for step in self._of(self.pointwise)])
        if self.reduction is not None:
            mixing = mixing @ self.reduction.weight.flatten(1)
        return combined(mixing, torch.stack([step.weight[:, 0] for step in self._of(self.depthwise)]))

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The bias (out,) of the whole, or None."""
        return self._of(self.depthwise)[0].bias

    def _of(self, steps: nn.ModuleList) -> list[nn.Conv2d]:
        return [step for step in steps if isinstance(step, nn.Conv2d)]
