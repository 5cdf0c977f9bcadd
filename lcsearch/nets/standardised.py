"""Convolutions with scaled weight standardisation, as ordinary ones with the filters that they use.

Such a convolution (arXiv 2101.08692) makes its filters anew at each call: each is shifted to mean 0 and
scaled to the deviation ``gain * scale``. Its ordinary form holds those filters: it computes the same, and
learns them from there without being standardised again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_MARK = "_standardised"
_GAIN = ".gain"


@dataclass(frozen=True, slots=True)
class Standardised:
    """How the filters of a convolution were made.

    Attributes:
        scale: The deviation of a filter of gain 1, times the root of its length.
        eps: What the variance is raised by.
    """

    scale: float
    eps: float

    def filters(self, weight: Tensor, gain: Tensor) -> Tensor:
        """The filters that are used.

        Args:
            weight: (out, in, height, width).
            gain: One number a filter, (out, 1, 1, 1).
        """
        flat = weight.detach().flatten(1)
        centred = flat - flat.mean(1, keepdim=True)
        variance = centred.square().mean(1, keepdim=True)
        scaled = centred * (gain.detach().reshape(-1, 1) * self.scale) * (variance + self.eps).rsqrt()
        return scaled.view_as(weight)


def make_ordinary(model: nn.Module, kind: type[nn.Conv2d]) -> nn.Module:
    """Put ordinary convolutions in the place of standardised ones, in place.

    Args:
        model: Any module.
        kind: The class of these, with ``gain``, ``scale`` and ``eps``; its subclasses stay as they are.

    Returns:
        The same module.
    """
    for name, conv in list(model.named_modules()):
        if type(conv) is kind:
            model.set_submodule(name, _ordinary(conv))
    return model


def ordinary_state(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Weights of a net as it was written, as those of its ordinary form.

    Args:
        tensors: By the names of the net; those of an ordinary form, which has no gains, stay as they are.
        model: The ordinary form.
    """
    found = dict(tensors)
    for name, module in model.named_modules():
        made, weight, gain = vars(module).get(_MARK), f"{name}.weight", f"{name}{_GAIN}"
        if made is not None and weight in found and gain in found:
            found[weight] = made.filters(found[weight], found.pop(gain))
    return found


def ordinary_words(model: nn.Module) -> str | None:
    """Say in a line how many convolutions are ordinary ones that were standardised; None where none is."""
    count = sum(_MARK in vars(module) for module in model.modules())
    if not count:
        return None
    return (
        f"{count} convolutions with weight standardisation have become ordinary ones, with the same filters"
    )


def _ordinary(conv: nn.Conv2d) -> nn.Conv2d:
    made = Standardised(float(conv.scale), float(conv.eps))  # type: ignore[arg-type]
    gain = conv.gain
    assert isinstance(gain, Tensor)
    with torch.device("meta"):
        own = nn.Conv2d(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,  # type: ignore[arg-type]
            conv.stride,  # type: ignore[arg-type]
            conv.padding,  # type: ignore[arg-type]
            conv.dilation,  # type: ignore[arg-type]
            conv.groups,
            bias=False,
            padding_mode=conv.padding_mode,
        )
    own.weight = nn.Parameter(made.filters(conv.weight, gain))
    own.bias = conv.bias
    setattr(own, _MARK, made)
    return own.train(conv.training)
