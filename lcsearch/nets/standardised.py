"""Convolutions with weight standardisation, as ordinary ones with the filters that they use.

Such a convolution makes its filters anew at each call: each is shifted to mean 0 and scaled to deviation 1
(arXiv 1903.10520), or to ``gain * scale`` (arXiv 2101.08692). Its ordinary form holds those filters: it
computes the same, and learns them from there without being standardised again.

A net whose filters had gains has none left, which tells a file of its weights from one of the net as it was
written. Where there were no gains, a buffer of the net tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_MARK = "_standardised"
_GAIN = ".gain"
_ORDINARY = "filters_are_ordinary"
"""A buffer of a net, of no meaning but that it is there."""


@dataclass(frozen=True, slots=True)
class Standardised:
    """How the filters of a convolution were made.

    Attributes:
        scale: The deviation of a filter of gain 1.
        eps: What the variance is raised by.
        gains: Whether each filter has a gain.
    """

    scale: float
    eps: float
    gains: bool

    @classmethod
    def of(cls, conv: nn.Conv2d) -> Standardised:
        """How those of a convolution are made."""
        gains = isinstance(getattr(conv, "gain", None), Tensor)
        return cls(float(conv.scale) if gains else 1.0, float(conv.eps), gains)  # type: ignore[arg-type]

    def filters(self, weight: Tensor, gain: Tensor) -> Tensor:
        """The filters that are used.

        Args:
            weight: (out, in, height, width).
            gain: One number a filter, (out, 1, 1, 1), or one for all.
        """
        flat = weight.detach().flatten(1)
        centred = flat - flat.mean(1, keepdim=True)
        variance = centred.square().mean(1, keepdim=True)
        scaled = centred * (gain.detach().reshape(-1, 1) * self.scale) * (variance + self.eps).rsqrt()
        return scaled.view_as(weight)


def make_ordinary(model: nn.Module, *kinds: type[nn.Conv2d]) -> nn.Module:
    """Put ordinary convolutions in the place of standardised ones of a fresh net, in place.

    Filters without gains start on the scale of other nets' fresh ones instead of deviation 1, from which the
    usual rates would hardly move them.

    Args:
        model: Any module.
        kinds: The classes of these, with ``eps``, and those with gains with ``gain`` and ``scale``. Their
            subclasses stay as they are, and so does one that pads by the size of the image.

    Returns:
        The same module.
    """
    for name, conv in list(model.named_modules()):
        if type(conv) in kinds and not _pads_by_size(conv):
            model.set_submodule(name, _ordinary(conv))
    if not all(made.gains for made in _made(model).values()):
        model.register_buffer(_ORDINARY, torch.tensor(True))
    return model


def ordinary_state(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Weights of a net as it was written, as those of its ordinary form.

    Args:
        tensors: By the names of the net; those of an ordinary form stay as they are.
        model: The ordinary form.
    """
    found = dict(tensors)
    is_ordinary = _ORDINARY in found
    for name, made in _made(model).items():
        weight, gain = f"{name}.weight", f"{name}{_GAIN}"
        as_written = gain in found if made.gains else not is_ordinary
        if as_written and weight in found:
            found[weight] = made.filters(found[weight], found.pop(gain, torch.ones(1)))
    if _ORDINARY in dict(model.named_buffers()):
        found[_ORDINARY] = torch.tensor(True)
    return found


def ordinary_words(model: nn.Module) -> str | None:
    """Say in a line how many convolutions are ordinary ones that were standardised; None where none is."""
    if not (count := len(_made(model))):
        return None
    return (
        f"{count} convolutions with weight standardisation have become ordinary ones, with the same filters"
    )


def _made(model: nn.Module) -> dict[str, Standardised]:
    """How filters were made that are ordinary now, by the names of their convolutions."""
    return {name: vars(module)[_MARK] for name, module in model.named_modules() if _MARK in vars(module)}


def _pads_by_size(conv: nn.Conv2d) -> bool:
    """Whether a convolution pads by the size of the image; of 1x1 it has nothing to pad."""
    return bool(getattr(conv, "same_pad", False)) and conv.kernel_size != (1, 1)


def _ordinary(conv: nn.Conv2d) -> nn.Conv2d:
    made = Standardised.of(conv)
    gain = conv.gain if made.gains else torch.tensor([conv.weight[0].numel() ** -0.5])
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
