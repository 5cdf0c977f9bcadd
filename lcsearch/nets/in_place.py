"""One module takes the place of another, wherever a net holds it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from lcsearch.layers.geometry import held
from lcsearch.layers.layer import FamilyLayer


def become(old: nn.Module, new: nn.Module) -> None:
    """Make a module what another one is, which nothing else may use from then on.

    A net may hold a layer also where nobody can look for it: in a list beside its attributes, in a closure,
    as a bound method. So the object stays, and its class and content change, as with PyTorch's lazy modules.
    """
    old.__class__ = new.__class__
    old.__dict__ = new.__dict__


def refer(placed: Mapping[FamilyLayer, nn.Module]) -> None:
    """Have layers that use the tensor of another layer refer to the module in whose place that one is.

    Args:
        placed: Layers to the modules that have become them.
    """
    for layer in placed.values():
        owner = layer.owner if isinstance(layer, FamilyLayer) else None
        module = None if owner is None else placed[owner]
        if isinstance(layer, FamilyLayer) and isinstance(module, FamilyLayer):
            layer.borrow(module)


def take_attributes(layer: FamilyLayer, conv: nn.Conv2d) -> None:
    """Give a layer all that nets can read of the convolution that it is to replace, apart from its tensors.

    Raises:
        ValueError: The net's author gave the convolution an attribute that the layer uses itself.
    """
    usual = held(nn.Conv2d(1, 1, 1, device="meta"))
    carried = []
    for name, value in held(conv).items():
        if name not in usual:
            carried.append(name)
            if hasattr(layer, name) and not hasattr(nn.Conv2d, name):
                raise ValueError(f"its attribute {name!r} has another meaning in the layer; leave it plain")
        elif hasattr(layer, name):
            continue
        vars(layer)[name] = value
    layer.carried = tuple(carried)


def give_attributes(layer: FamilyLayer, made: nn.Module) -> None:
    """Give standard layers that are to replace a layer what nets can read of it, apart from its tensors."""
    usual = held(nn.Conv2d(1, 1, 1, device="meta")).keys() & vars(layer).keys()
    for name in (*(usual - vars(made).keys()), *layer.carried):
        vars(made)[name] = vars(layer)[name]
