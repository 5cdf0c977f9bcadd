"""The user's own net: ``package.module:function``."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedParameter

from lcsearch.errors import InputError, did_you_mean


def takes_width(name: str) -> bool:
    """Whether the function has a parameter called ``width``.

    Raises:
        InputError: The function cannot be found.
    """
    return "width" in _parameters(_find(name))


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
    function = _find(name)
    arguments: dict[str, Any] = {"num_classes": num_classes, "in_channels": in_channels}
    if "width" in _parameters(function):
        arguments["width"] = width
    elif width != 1:
        raise InputError(f"--backbone {name}: width is {width:g}, but the function has no parameter 'width'")
    try:
        model = function(**arguments)
    except InputError:
        raise
    except Exception as error:
        called = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise InputError(
            f"--backbone {name}: the function, called with {called}, raised {_line(error)}"
        ) from error
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise InputError(
            f"--backbone {name}: the function returned {kind!r}; it must return a torch.nn.Module"
        )
    if any(isinstance(parameter, UninitializedParameter) for parameter in model.parameters()):
        raise InputError(f"--backbone {name}: the net has lazy layers; give them their sizes")
    return model


def _find(name: str) -> Callable[..., Any]:
    module_name, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), *attribute.split(".")]):
        raise InputError(f"--backbone: {name!r} is not of the form package.module:function")
    module = _import(name, module_name)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            functions = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
            advice = f"; {did_you_mean(attribute, functions)}" if functions else ""
            raise InputError(f"--backbone {name}: module {module_name!r} has no {attribute!r}{advice}")
        found = getattr(found, part)
    if not callable(found):
        raise InputError(f"--backbone {name}: {attribute!r} is a {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def _import(name: str, module_name: str) -> Any:
    """Import a module with the current directory on the path, as ``python -m`` has it."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        raise InputError(f"--backbone {name}: cannot import {module_name!r}: {_line(error)}") from error


def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset()


def _line(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300].rstrip(": ")
