"""Values that a function of the user's returns, as uint8 pixels and whole labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError, reason
from lcsearch.core.text import kind_of
from lcsearch.data.pictures import eight_bits, upright

if TYPE_CHECKING:
    from PIL.Image import Image


def check_shape(what: str, found: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    """Refuse images (channels, size, size) of another shape than those before, or that are not square."""
    if expected is not None and found != expected:
        raise InputError(f"{what} has shape {found}; expected {expected}, the shape of the images before")
    if len(found) != 3 or found[1] != found[2] or 0 in found:
        raise InputError(f"{what} has shape {found}; expected (channels, size, size)")


def tensor(what: str, value: Any) -> Tensor:
    """A tensor, array or PIL image as a tensor on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if hasattr(value, "getbands"):
        return _from_picture(what, value)
    try:
        return torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{what}: {kind(value)}; expected a tensor, an array or a PIL image") from error


def _from_picture(what: str, picture: Image) -> Tensor:
    """uint8, (1, height, width) of grey, else (3, height, width)."""
    try:
        picture = eight_bits(upright(picture))
        pixels = np.array(picture if picture.mode == "L" else picture.convert("RGB"))
    except InputError as error:
        raise InputError(f"{what}: ", *error.parts) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{what}: no readable picture ({reason(error)})") from error
    return torch.from_numpy(np.atleast_3d(pixels).transpose(2, 0, 1))


def to_bytes(what: str, pixels: Tensor) -> Tensor:
    """uint8 pixels as they are, floats in 0..1 times 255."""
    if pixels.dtype == torch.uint8:
        return pixels
    if not pixels.is_floating_point():
        raise InputError(f"{what}: pixels of type {pixels.dtype}; expected uint8 or floats in 0..1")
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"{what}: float pixels from {low:g} to {high:g}; "
            "expected 0 to 1: return images before normalisation"
        )
    return pixels.mul(255).round_().to(torch.uint8)


def label(what: str, value: Any) -> int:
    """A label as a whole number."""
    try:
        label = int(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: label {value!r}; expected a whole number from 0") from error
    if label != value:
        raise InputError(f"{what}: label {value!r}; expected a whole number from 0")
    return label


def kind(value: Any) -> str:
    """What a value is, in words."""
    size = f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
    return f"{kind_of(value)}{size}"
