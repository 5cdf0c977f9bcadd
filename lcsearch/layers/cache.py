"""What evaluation builds once and keeps, and throws away the moment a parameter changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.core.torch_private import version


class FilterCache:
    """Tensors made of a module's parameters and buffers, made again whenever one of those has changed.

    PyTorch counts the in-place changes of every tensor (optimizer steps, loads); the counts, with the tensors
    themselves and the addresses of their numbers, tell whether a kept tensor still holds. The one change that
    PyTorch does not count is writing through ``tensor.data`` in place; ``clear``, which a switch between
    training and evaluation calls, forgets what was made before. Copies and pickles of a cache are empty.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[list[Any], Tensor]] = {}

    def __deepcopy__(self, memo: object) -> FilterCache:
        return FilterCache()

    def __reduce__(self) -> tuple[type[FilterCache], tuple[()]]:
        return FilterCache, ()

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def get(self, module: nn.Module, name: str, make: Callable[[], Tensor]) -> Tensor:
        """Return what ``make`` makes, from the cache where that is safe.

        It is made anew while training, compiling or recording gradients, and where the module's tensors are
        not its own (in a replica, in ``functional_call`` or under ``vmap``) or have no values (on meta).

        Args:
            module: Whose parameters and buffers it is made of.
            name: Tells several tensors of one module apart.
            make: Makes it.
        """
        if module.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return make()
        parameters = list(module.parameters())
        if not parameters:  # a replica of DataParallel: its parameters are plain attributes
            return make()
        if any(type(p) is not nn.Parameter or p.is_inference() or p.is_meta for p in parameters):
            return make()
        state = self._state(module)
        kept, value = self._kept.get(name, ([], None))
        if value is None or not _same(kept, state):
            value = make()
            self._kept[name] = state, value
        return value

    def _state(self, module: nn.Module) -> list[Any]:
        tensors = list(module.parameters())
        device = tensors[0].device.type
        cast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        state: list[Any] = [cast, torch.is_inference_mode_enabled()]
        for tensor in (*tensors, *module.buffers()):
            # The alias keeps the memory taken, so that no other tensor can show up at the same address.
            state += [tensor, version(tensor), tensor.data_ptr(), tensor.detach()]
        return state


def _same(old: list[Any], new: list[Any]) -> bool:
    """Whether two states are the same tensors at the same versions; aliases are not compared."""
    if len(old) != len(new) or old[:2] != new[:2]:
        return False
    for place in range(2, len(new), 4):
        if old[place] is not new[place] or old[place + 1 : place + 3] != new[place + 1 : place + 3]:
            return False
    return True
