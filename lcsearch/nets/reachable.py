"""What a net's modules hold beside their tensors and children, also deep in lists, dicts and functions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import FunctionType
from typing import Any

from torch import nn

_REGISTERED = ("_parameters", "_buffers", "_modules")


def reachable(model: nn.Module) -> Iterator[Any]:
    """Each thing that is reached from a net's modules by attributes and hooks, once.

    The ways go through lists, tuples, sets, dicts, partials, and what functions have from around them; not
    through what is registered as a tensor or a child, and not into other objects.
    """
    seen = set[int]()
    waiting: list[Any] = [
        value for module in model.modules() for name, value in vars(module).items() if name not in _REGISTERED
    ]
    while waiting:
        value = waiting.pop()
        if id(value) not in seen:
            seen.add(id(value))
            waiting += _inside(value)
            yield value


def cells(function: FunctionType) -> dict[int, Any]:
    """What a function has from around it, by place."""
    found = {}
    for place, cell in enumerate(function.__closure__ or ()):
        try:
            found[place] = cell.cell_contents
        except ValueError:  # not yet filled
            continue
    return found


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, FunctionType):
        return [*cells(value).values(), *(value.__defaults__ or ())]
    return []
