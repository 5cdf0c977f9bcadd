"""How many bytes of tensors are alive at once, counted by what PyTorch hands out."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class LiveBytes(TorchDispatchMode):
    """Counts, inside ``with``, the memory of tensors that operations make, views once.

    Attributes:
        peak: Bytes at the moment when most were alive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._tensors = Counter[int]()
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        given = {own.untyped_storage().data_ptr() for own in (*args, *(kwargs or {}).values()) if _is(own)}
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if _is(tensor):
                place = tensor.untyped_storage().data_ptr()
                if self._tensors[place] or place not in given:
                    self._tensors[place] += 1
                    self._sizes[place] = tensor.untyped_storage().nbytes()
                    weakref.finalize(tensor, self._gone, place)
        self.peak = max(self.peak, sum(size for place, size in self._sizes.items() if self._tensors[place]))
        return made

    def _gone(self, place: int) -> None:
        self._tensors[place] -= 1


def _is(value: Any) -> bool:
    return isinstance(value, torch.Tensor)
