"""Data that every worker of a node reads from one place in shared memory."""

from __future__ import annotations

import io
import pickle
import sys
import warnings
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class SharesData(Protocol):
    """An objective whose data is read once, by the driver, and handed to every worker."""

    def data(self) -> Any:
        """Read the data."""

    def use_data(self, data: Any) -> None:
        """Use data that somebody else has read; it must not be written to."""


def shared_data(objective: object) -> Packed | None:
    """The data of an objective for every worker; None where it shares none.

    Data that are `streamed` from files of this machine are not shared: each node makes its own.
    """
    if not isinstance(objective, SharesData):
        return None
    data = objective.data()
    return None if getattr(data, "streamed", False) else pack(data)


@dataclass(frozen=True)
class Packed:
    """A pickled object with its arrays kept apart, so that Ray maps them instead of copying them.

    Attributes:
        skeleton: The object without its arrays' content.
        buffers: The content, one array of bytes each.
    """

    skeleton: bytes
    buffers: tuple[NDArray[np.uint8], ...]

    def unpack(self) -> Any:
        """The object again; its arrays and tensors are views of the buffers, not to be written to."""
        return pickle.loads(self.skeleton, buffers=self.buffers)


class _Pickler(pickle.Pickler):
    """Pickles CPU tensors as NumPy arrays, whose content pickle can keep apart."""

    def reducer_override(self, value: Any) -> Any:
        torch = sys.modules.get("torch")
        if torch is not None and type(value) is torch.Tensor and value.device.type == "cpu":
            return _tensor, (value.detach().contiguous().numpy(),)
        return NotImplemented


def pack(value: Any) -> Packed:
    """Take an object apart for Ray's object store.

    Args:
        value: Picklable; tensors in it are on the CPU and of a type that NumPy has.
    """
    stream = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(value)
    arrays = tuple(np.frombuffer(buffer.raw(), dtype=np.uint8) for buffer in buffers)
    return Packed(stream.getvalue(), arrays)


def _tensor(array: NDArray[Any]) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(array)
