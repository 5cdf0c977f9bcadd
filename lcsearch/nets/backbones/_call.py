"""Calls a backbone that may be anybody's function, and looks at what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from lcsearch.core.errors import InputError, one_line, said_of
from lcsearch.nets.plain_form import unwrapped


def made_on_default_device(
    name: str, backbone: Callable[..., Any], arguments: Mapping[str, Any]
) -> nn.Module:
    """Call a backbone on the default device; elsewhere where reading a value fails on the meta device.

    Args:
        name: What the user calls it, for messages.
        backbone: The function.
        arguments: Its keyword arguments.

    Raises:
        InputError: It raises, or does not return a module whose tensors have sizes.
    """
    try:
        return _made(name, backbone, arguments)
    except Exception:
        if torch.get_default_device().type != "meta":
            raise
        with torch.device("cpu"):
            model = _made(name, backbone, arguments)
        _move_to_meta(model)
        return model


def _made(name: str, backbone: Callable[..., Any], arguments: Mapping[str, Any]) -> nn.Module:
    try:
        model = backbone(**arguments)
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        called = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        problem = f"the function, called with {called}, raised {one_line(error)}"
        raise InputError(problem, setting="backbone", value=name) from error
    if not isinstance(model, nn.Module):
        problem = f"the function returned {type(model).__name__!r}; it must return a torch.nn.Module"
        raise InputError(problem, setting="backbone", value=name)
    with said_of("backbone", name):
        model = unwrapped(model)
    if any(isinstance(tensor, UninitializedParameter) for tensor in model.parameters()):
        raise InputError("the net has lazy layers; give them their sizes", setting="backbone", value=name)
    return model


def _move_to_meta(model: nn.Module) -> None:
    """What ``model.to("meta")`` does, but a tensor that two modules share stays one."""
    moved: dict[nn.Parameter, nn.Parameter] = {}
    for module in model.modules():
        for key, parameter in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            if parameter not in moved:
                moved[parameter] = nn.Parameter(parameter.data.to("meta"), parameter.requires_grad)
            setattr(module, key, moved[parameter])
        for key, buffer in list(module.named_buffers(recurse=False, remove_duplicate=False)):
            setattr(module, key, buffer.to("meta"))
