"""Pictures as PIL reads them, of any mode, made upright and brought to 8 bits a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lcsearch.core.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

_ORIENTATION = 0x0112
_MOST_OF_16_BITS = 65_535


def upright(picture: Image) -> Image:
    """Turn a picture as its EXIF says, where it comes straight from a file.

    One that somebody has worked on since may be turned already, though its EXIF is still there: it is left.
    """
    from PIL.Image import Transpose
    from PIL.ImageFile import ImageFile

    if not isinstance(picture, ImageFile):
        return picture
    picture.load()  # turns a TIFF, and takes the tag away
    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def square(picture: Image, size: int, mode: str = "RGB") -> Tensor:
    """The middle of a picture of 8 bits, whose shorter side is resized to the size.

    Args:
        picture: Upright.
        size: Height and width wanted, in pixels.
        mode: ``RGB``, or ``L`` for grey.

    Returns:
        uint8, (channels, size, size).
    """
    from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

    pixels: Tensor = pil_to_tensor(center_crop(resize(picture.convert(mode), size), [size, size]))
    return pixels


def eight_bits(picture: Image) -> Image:
    """Bring a picture to 8 bits a channel; one that has them, and no transparency, is left as it is.

    Modes I;16 and I hold 0 to 65,535, so 257 becomes 1; mode F holds 0 to 1, so 1 becomes 255. Both become
    mode L. What is transparent shows white behind it.

    Raises:
        InputError: Pixels are outside of these ranges; names the mode.
    """
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        return _grey(_from_whole_numbers(picture))
    if picture.mode == "F":
        return _grey(_from_floats(picture))
    return _on_white(picture) if picture.has_transparency_data else picture


def _orientation(picture: Image) -> int:
    """What EXIF says, 1 to 8; 1 where there is none, or it is damaged."""
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # Pillow has a dozen ways to fail on damaged EXIF
        return 1


def _grey(pixels: Pixels) -> Image:
    from PIL import Image

    return Image.fromarray(pixels)


def _from_whole_numbers(picture: Image) -> Pixels:
    pixels = np.asarray(picture).astype(np.int64)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        pixels[pixels == clear] = _MOST_OF_16_BITS
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > _MOST_OF_16_BITS:
        raise InputError(
            f"pixels of mode {picture.mode} from {low:,} to {high:,}; expected 0 to {_MOST_OF_16_BITS:,}"
        )
    return np.rint(pixels / 257).astype(np.uint8)


def _from_floats(picture: Image) -> Pixels:
    pixels = np.asarray(picture)
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"pixels of mode {picture.mode} from {low:g} to {high:g}; expected floats from 0 to 1"
        )
    return np.asarray(np.rint(pixels * 255), dtype=np.uint8)


def _on_white(picture: Image) -> Image:
    from PIL import Image

    drawn = picture.convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(drawn, mask=drawn)
    return paper
