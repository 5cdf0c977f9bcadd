"""The user's own net: ``package.module:function``."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedParameter

from lcsearch.core.errors import InputError
from lcsearch.core.functions import find_function, one_line, parameters

OPTION = "--backbone"


def takes_width(name: str) -> bool:
    """Whether the function has a parameter called ``width``.

    Raises:
        InputError: The function cannot be found.
    """
    return "width" in parameters(find_function(OPTION, name))


def build(name: str, *, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """Call the user's function.

    Args:
        name: ``package.module:function``; the current directory is searched too.
        num_classes: Handed on.
        in_channels: Handed on.
        width: Handed on if the function has a parameter of this name.

    Raises:
        InputError: The function cannot be found, raises, returns no module, or takes no width but 1.
    """
    function = find_function(OPTION, name)
    arguments: dict[str, Any] = {"num_classes": num_classes, "in_channels": in_channels}
    if "width" in parameters(function):
        arguments["width"] = width
    elif width != 1:
        raise InputError(f"{OPTION} {name}: width is {width:g}, but the function has no parameter 'width'")
    try:
        model = function(**arguments)
    except InputError:
        raise
    except Exception as error:
        called = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise InputError(
            f"{OPTION} {name}: the function, called with {called}, raised {one_line(error)}"
        ) from error
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise InputError(f"{OPTION} {name}: the function returned {kind!r}; it must return a torch.nn.Module")
    if any(isinstance(tensor, UninitializedParameter) for tensor in model.parameters()):
        raise InputError(f"{OPTION} {name}: the net has lazy layers; give them their sizes")
    return model
