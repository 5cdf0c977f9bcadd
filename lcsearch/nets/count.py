"""What a parameter and a multiply-accumulate (MAC) is, once.

params: numbers in ``nn.Parameter`` tensors. A tensor that is shared counts once. Of sparse coefficients only
those that are kept at the end of training count; buffers (masks, orders, running statistics) do not, but for
those that hold a layer's filters and come from nothing that a file says (the bank of a basis layer).

trainable: of these numbers those that training changes.

macs: products summed up in convolutions, linear layers and what took a convolution's place, for one image,
forward. Bias, batch norm, activations, pooling and attention have none. A layer of a family costs what the
cheapest of its exported forms costs, as its family says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import UnionType
from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.records import LayerCount, trainable_of
from lcsearch.layers import lookup
from lcsearch.layers.factorized import ConvInSteps
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.models import spec_of
from lcsearch.layers.shape import Places, Size
from lcsearch.nets.copying import copied_to
from lcsearch.nets.failure import Watch, with_image_size
from lcsearch.nets.thop import Rule, profile

__all__ = ["Count", "count", "count_spare"]


@dataclass(frozen=True, slots=True)
class Count:
    """The size of a model.

    Attributes:
        params: Numbers that the model must store.
        macs: Multiply-accumulates of one image, forward, in the cheaper exported form.
        layers: Convolutions (family ``conv``), layers of other families and linear layers (``dense``), in
            module order. A tensor that layers share counts in the first; what lies in no such layer, as
            batch norm does, is in ``params`` only.
    """

    params: int
    macs: int
    layers: tuple[LayerCount, ...]

    @property
    def trainable(self) -> int:
        """Numbers that training changes."""
        return trainable_of(self.params, self.layers)


def count(model: nn.Module, input_shape: tuple[int, int, int]) -> Count:
    """Count a model's parameters and multiply-accumulates.

    Args:
        model: A model on any device, the meta device included; it is left as it is.
        input_shape: Channels, height and width of one image.

    Raises:
        InputError: The model does not run on images of this shape; names the layer that failed.
    """
    return _counted(model, _macs_by_name(model, input_shape))


def count_spare(model: nn.Module, input_shape: tuple[int, int, int]) -> Count:
    """Count a model on the meta device of which nothing else is wanted; that spares it a copy.

    Args:
        model: The model; what counts leaves its marks in it, also where it fails.
        input_shape: As in `count`.

    Raises:
        InputError: It does not run without values, or on images of this shape; `count` of another knows.
    """
    return _counted(model, _of_layers(model, _run(model, input_shape)))


def _counted(model: nn.Module, macs: Mapping[str, int]) -> Count:
    rows, seen, more = [], set[Tensor](), 0
    for name, module in model.named_modules():
        if name in macs:
            own = set(module.parameters()) - seen
            numbers = sum(parameter.numel() for parameter in own)
            size = Size(numbers, numbers)
            if isinstance(module, FamilyLayer):
                size = module.size_of(own, seen)
                seen |= set(module.stored_buffers())
            rows.append(_row(name, module, size, macs[name]))
            seen |= own
            more += size.stored - numbers
    params = sum(parameter.numel() for parameter in model.parameters()) + more
    return Count(params, sum(row.macs for row in rows), tuple(rows))


def _row(name: str, module: nn.Module, size: Size, macs: int) -> LayerCount:
    spec = spec_of(module)
    numbers = lookup.family_of(spec).numbers(spec)
    trainable = None if size.trainable == size.stored else size.trainable
    family = "dense" if isinstance(module, nn.Linear) else spec.family
    return LayerCount(name, family, size.stored, macs, numbers, trainable, _outputs(module))


def _outputs(module: nn.Module) -> int:
    """Output channels of a layer that is counted."""
    if isinstance(module, FamilyLayer):
        return module.shape.out_channels
    found: int = module.out_features if isinstance(module, nn.Linear) else module.out_channels  # type: ignore[assignment]
    return found


def _macs_by_name(model: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, int]:
    """Multiply-accumulates per counted layer."""
    channels = input_shape[0]
    try:
        macs = _profiled(model, input_shape)
    except InputError as error:
        raise with_image_size(
            error, input_shape, lambda side: _profiled(model, (channels, side, side))
        ) from error.__cause__
    return _of_layers(model, macs)


def _of_layers(model: nn.Module, macs: Mapping[str, int]) -> dict[str, int]:
    return {name: macs[name] for name, module in model.named_modules() if _rule_for(module) is not None}


def _profiled(model: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, int]:
    """Operations by module name; on a copy, because counting leaves its marks.

    Raises:
        InputError: The net does not run.
    """
    try:
        return _profiled_on(torch.device("meta"), model, input_shape)
    except InputError:  # what needs values cannot run on the meta device
        return _profiled_on(torch.device("cpu"), model, input_shape)


def _profiled_on(device: torch.device, model: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, int]:
    with Watch():
        net = copied_to(model, device)
    return _run(net, input_shape)


def _run(net: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, int]:
    size = " x ".join(map(str, input_shape))
    with Watch(f"the net, given images of {size} (channels, height, width),"):
        return profile(net, input_shape, _rule_for)


def _rule_for(module: nn.Module) -> Rule | None:
    """How a module is counted; None for what costs nothing by our definition, or by its parts."""
    if isinstance(module, ConvInSteps):
        return None
    for kind, macs in _MACS.items():
        if isinstance(module, kind):
            return partial(_add, macs)
    return None


def _add(macs: Callable[..., int], module: Any, inputs: tuple[Tensor], output: Tensor) -> None:
    module.total_ops += macs(module, inputs[0], output)


def _family_layer(layer: FamilyLayer, image: Tensor, output: Tensor) -> int:
    """The cheaper exported form."""
    places = Places(image.shape[2:].numel(), output.shape[2:].numel())
    return lookup.family(layer.family).macs(layer.shape, spec_of(layer), places)


_Conv = nn.Conv1d | nn.Conv2d | nn.Conv3d
_TransposedConv = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


def _convolution(conv: _Conv, image: Tensor, output: Tensor) -> int:
    return output.numel() * conv.weight[0].numel()


def _transposed(conv: _TransposedConv, image: Tensor, output: Tensor) -> int:
    return image.numel() * conv.weight[0].numel()


def _dense(layer: nn.Linear, image: Tensor, output: Tensor) -> int:
    return output.numel() * layer.in_features


# The first kind that fits decides.
_MACS: dict[type[nn.Module] | UnionType, Callable[..., int]] = {
    FamilyLayer: _family_layer,
    _TransposedConv: _transposed,
    _Conv: _convolution,
    nn.Linear: _dense,
}
