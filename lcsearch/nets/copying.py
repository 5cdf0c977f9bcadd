"""Copies of nets, also of those that PyTorch does not copy, or copies only in part.

PyTorch refuses tensors that an earlier pass has left behind, and a function that was hung on a net (a hook,
an exchanged forward) goes on to use the modules and tensors of the original.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import CellType, FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lcsearch.nets.reachable import cells, reachable


def copied(model: nn.Module, memo: dict[int, Any] | None = None) -> nn.Module:
    """A deep copy.

    Tensors that a pass has left behind are copied without their history, and the functions that hang on the
    net's modules use the copy's modules and tensors.

    Args:
        model: Any module; it is left as it is.
        memo: As for ``copy.deepcopy``.
    """
    memo = {} if memo is None else memo
    functions = [value for value in reachable(model) if isinstance(value, FunctionType)]
    twins = {function: _twin(function) for function in functions if cells(function) or function.__defaults__}
    memo |= {id(function): twin for function, twin in twins.items()}
    with _WithoutHistory():
        made = copy.deepcopy(model, memo)
    for function, twin in twins.items():
        _bind(function, twin, memo)
    return made


def copied_to(model: nn.Module, device: torch.device) -> nn.Module:
    """A deep copy on a device. On the meta device it has no numbers; shared tensors stay shared.

    What was without numbers is zero elsewhere.
    """
    memo: dict[int, Any] = {}
    for module in model.modules():
        for value in (*module.parameters(False), *module.buffers(False), *vars(module).values()):
            if isinstance(value, Tensor) and id(value) not in memo:
                memo[id(value)] = _moved(value, device)
    return copied(model, memo)


def _moved(value: Tensor, device: torch.device) -> Tensor:
    data = value.detach()
    if data.is_meta and device.type != "meta":
        to = torch.zeros_like(data, device=device)
    else:
        to = data.to(device, copy=True)
    return nn.Parameter(to, value.requires_grad) if isinstance(value, nn.Parameter) else to


class _WithoutHistory(TorchFunctionMode):
    """Copies tensors that gradients flow through by their values."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            tensor, memo = args
            return memo.setdefault(id(tensor), tensor.detach().clone())
        return func(*args, **(kwargs or {}))


def _twin(function: FunctionType) -> FunctionType:
    """The same function with room for what it uses of a copy."""
    cells = tuple(CellType() for _ in function.__closure__ or ())
    twin = FunctionType(function.__code__, function.__globals__, function.__name__, None, cells or None)
    twin.__kwdefaults__ = function.__kwdefaults__
    vars(twin).update(vars(function))
    return twin


def _bind(function: FunctionType, twin: FunctionType, memo: Mapping[int, Any]) -> None:
    """Give a twin what the copy has in place of what the function uses of the original."""
    for place, value in cells(function).items():
        (twin.__closure__ or ())[place].cell_contents = _of_copy(value, memo)
    if function.__defaults__:
        twin.__defaults__ = tuple(_of_copy(value, memo) for value in function.__defaults__)


def _of_copy(value: Any, memo: Mapping[int, Any]) -> Any:
    if isinstance(value, MethodType):
        return MethodType(value.__func__, _of_copy(value.__self__, memo))
    return memo.get(id(value), value)
