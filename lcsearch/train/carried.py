"""The arrays that the user's own training loop carries with it, such as those of a ``functools.partial``."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import torch

from lcsearch.core.by_value import ValuePickler, goes_by_name


def carried_digest(function: Any) -> str:
    """A digest of the arrays and tensors that are pickled with a function; empty where there are none.

    What a function of a module finds in that module, or reads from files, is not pickled with it; the
    variables of a notebook that a function of a cell uses are.

    Args:
        function: It can be pickled, by name or by value.
    """
    hasher = _Hasher(by_name=goes_by_name(function))
    hasher.dump(function)
    return hasher.digest.hexdigest() if hasher.found else ""


class _Hasher(ValuePickler):
    """Pickles into nothing; hashes the content of arrays on the way, which is then not copied."""

    def __init__(self, *, by_name: bool) -> None:
        super().__init__(io.BytesIO(), protocol=5)
        self._by_name = by_name
        self.digest = hashlib.blake2b(digest_size=16)
        self.found = 0

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_quantized:
            content = value.detach().cpu().reshape(-1).view(torch.uint8).numpy()
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            content = np.frombuffer(value.tobytes(), np.uint8)
        else:
            return NotImplemented if self._by_name else super().reducer_override(value)
        self.found += 1
        self.digest.update(f"{value.dtype} {tuple(value.shape)}\n".encode())
        self.digest.update(np.ascontiguousarray(content).data)
        return str, ()
