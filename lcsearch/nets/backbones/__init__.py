"""The nets that can be compressed: ours (one a file), torchvision's, and the user's own.

A file in this package whose name has no leading underscore is a backbone of that name: it holds
``build(*, num_classes, in_channels, width)``, and the first line of its docstring describes it.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from typing import TYPE_CHECKING, Any

from lcsearch.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from torch import nn

__all__ = ["build", "describe", "names", "takes_width"]

_TORCHVISION = "torchvision:"
_FORMS = "a net of torchvision is torchvision:NAME, your own package.module:function"


def names() -> list[str]:
    """The names of our own backbones, in alphabetical order (imports nothing)."""
    return sorted(entry.name for entry in pkgutil.iter_modules(__path__) if not entry.name.startswith("_"))


def describe(name: str) -> str:
    """One line about one of our own backbones."""
    return (_ours(name).__doc__ or "").splitlines()[0].rstrip(".")


def takes_width(name: str) -> bool:
    """Whether a backbone can be built thinner: ours can, torchvision's cannot, a user's may.

    Raises:
        InputError: There is no such backbone.
    """
    if name.startswith(_TORCHVISION):
        return False
    if ":" in name:
        from lcsearch.nets.backbones import _user

        return _user.takes_width(name)
    _ours(name)
    return True


def build(name: str, *, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """Build a backbone with fresh weights, on the current default device.

    Args:
        name: One of ours, ``torchvision:NAME``, or ``package.module:function``.
        num_classes: Outputs, at least 1.
        in_channels: Channels of the images, at least 1.
        width: Factor on the channel counts, above 0; only where ``takes_width``.

    Returns:
        A module that maps images (b, in_channels, h, w) to logits (b, num_classes).

    Raises:
        InputError: The name, a number or the user's function is wrong.
    """
    _check(name, num_classes, in_channels, width)
    sizes: dict[str, Any] = {"num_classes": num_classes, "in_channels": in_channels}
    if name.startswith(_TORCHVISION):
        from lcsearch.nets.backbones import _torchvision

        return _on_default_device(_torchvision.build, name.removeprefix(_TORCHVISION), sizes)
    if ":" in name:
        from lcsearch.nets.backbones import _user

        return _on_default_device(_user.build, name, sizes | {"width": width})
    model: nn.Module = _ours(name).build(**sizes, width=width)
    return model


def _check(name: str, num_classes: int, in_channels: int, width: float) -> None:
    for option, value in (("--num-classes", num_classes), ("--in-channels", in_channels)):
        if value < 1:
            raise InputError(f"{option}: {value} is not a positive number")
    if not (math.isfinite(width) and width > 0):
        raise InputError(f"width: {width} is not a positive number")
    if width != 1 and not takes_width(name):
        raise InputError(f"--backbone {name}: width is {width:g}, but this net takes no width other than 1")


def _ours(name: str) -> Any:
    if name not in names():
        raise InputError(f"--backbone: there is no {name!r}; {did_you_mean(name, names())} ({_FORMS})")
    return importlib.import_module(f"{__name__}.{name}")


def _on_default_device(make: Any, name: str, arguments: dict[str, Any]) -> nn.Module:
    """Build on the default device; elsewhere where reading a value fails on the meta device."""
    import torch

    try:
        model: nn.Module = make(name, **arguments)
    except Exception:
        if torch.get_default_device().type != "meta":
            raise
        with torch.device("cpu"):
            model = make(name, **arguments)
        _move_to_meta(model)
    return model


def _move_to_meta(model: nn.Module) -> None:
    """What ``model.to("meta")`` does, but a tensor that two modules share stays one."""
    from torch import nn

    moved: dict[nn.Parameter, nn.Parameter] = {}
    for module in model.modules():
        for key, parameter in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            if parameter not in moved:
                moved[parameter] = nn.Parameter(parameter.data.to("meta"), parameter.requires_grad)
            setattr(module, key, moved[parameter])
        for key, buffer in list(module.named_buffers(recurse=False, remove_duplicate=False)):
            setattr(module, key, buffer.to("meta"))
