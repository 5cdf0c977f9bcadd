"""Plain convolutions by fewer products, wherever a net has them: which ones, and while what runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.core.torch_private import recorded, transforms_active
from lcsearch.layers.winograd import convolve, tiles

_TILES = (4, 2)
"""Sides of what a tile gives."""
_SPREAD = 85
"""What a number costs that is brought to a tile or from it, in multiply-accumulates of products."""
_ONCE = 40
"""Likewise what a number of a filter costs that is brought to a tile, once for all images."""
_ROW = 4
"""Numbers of an output's row that an ordinary convolution takes as long for as for fewer."""
_CHANNELS = 40
"""Below so many no convolution gains: then nothing need be looked at."""
_GAIN = 1.2
"""Times as many multiply-accumulates as an ordinary convolution has to take, to be worth it."""

_ordinary_conv2d = F.conv2d
_lock, _open = threading.Lock(), list[None]()
"""Contexts that are open."""


def fast_convolutions(model: nn.Module, device: str | torch.device) -> AbstractContextManager[object]:
    """Compute a model's convolutions of 3x3 by `lcsearch.layers.winograd` where that is faster.

    That is on CPUs, where there are many channels: decided by sizes alone, so that the same model computes
    the same each time. In float32 and in bfloat16 autocast. Results differ from PyTorch's by rounding.

    Args:
        model: What runs in this context, forwards, and backwards too: what keeps less in memory
            (`torch.utils.checkpoint`) runs once more there, and must come to the same.
        device: Where.
    """
    worth = torch.device(device).type == "cpu" and any(map(_many_channels, model.modules()))
    return _exchanged() if worth else nullcontext()


@contextmanager
def _exchanged() -> Iterator[None]:
    """Have everything call `_conv2d` in place of ``F.conv2d``, until the last such context ends.

    A mode of functions would be left in backward passes, and would cost a microsecond with each function.
    """
    with _lock:
        _open.append(None)
        F.conv2d = _conv2d
    try:
        yield
    finally:
        with _lock:
            _open.pop()
            if not _open:
                F.conv2d = _ordinary_conv2d


def _many_channels(module: nn.Module) -> bool:
    if getattr(module, "kernel_size", None) != (3, 3):
        return False
    return min(getattr(module, "in_channels", 0), getattr(module, "out_channels", 0)) >= _CHANNELS


def _conv2d(*args: Any, **kwargs: Any) -> Tensor:
    made = _convolved(*args, **kwargs)
    return _ordinary_conv2d(*args, **kwargs) if made is None else made


def _convolved(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    """The convolution; None where it is for PyTorch. Names are those of ``F.conv2d``."""
    kind = _kind()
    if kind is None or recorded() or transforms_active():
        return None
    if groups != 1 or weight.shape[2:] != (3, 3) or not (_is(stride, 1) and _is(dilation, 1)):
        return None
    edge = next((edge for edge in (0, 1) if _is(padding, edge) or padding == ("valid", "same")[edge]), None)
    given = (input, weight) if bias is None else (input, weight, bias)
    if edge is None or input.dim() != 4 or not all(_ordinary(tensor, kind) for tensor in given):
        return None
    m = best_tile(input.shape, len(weight), edge)
    if m is None:
        return None
    own_bias = None if bias is None else bias.to(kind)
    return convolve(input.to(kind), weight.to(kind), own_bias, edge, m)


def _kind() -> torch.dtype | None:
    """What convolutions are computed in; None where they are for PyTorch."""
    if not torch.is_autocast_enabled("cpu"):
        return torch.float32
    kind = torch.get_autocast_dtype("cpu")
    return kind if kind == torch.bfloat16 else None


def _is(value: Any, number: int) -> bool:
    return value in (number, (number, number), [number, number], (number,), [number])


def _ordinary(tensor: Tensor, kind: torch.dtype) -> bool:
    plain = type(tensor) in (Tensor, nn.Parameter)
    return plain and tensor.dtype in (torch.float32, kind) and tensor.device.type == "cpu"


def best_tile(shape: Sequence[int], filters: int, padding: int) -> int | None:
    """The side of what a tile gives with which a convolution is fastest; None where an ordinary one is.

    Args:
        shape: Of its maps: (n, c, h, w).
        filters: How many it has, of 3x3.
        padding: 0 or 1.
    """
    n, c, *sizes = shape
    height, width = (size + 2 * padding - 2 for size in sizes)
    if min(n, height, width) < 1:
        return None

    def cost(m: int) -> int:
        cut = n * tiles(sizes[0], padding, m) * tiles(sizes[1], padding, m)
        return (m + 2) ** 2 * (cut * (c * filters + _SPREAD * (c + filters)) + _ONCE * c * filters)

    best = min(_TILES, key=cost)
    return best if _GAIN * cost(best) < 9 * n * height * max(width, _ROW) * c * filters else None
