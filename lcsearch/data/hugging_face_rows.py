"""Rows of a Hugging Face data set: their pixels and sizes, and a digest of what is not decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lcsearch.core.errors import InputError, reason
from lcsearch.data.content import states_of
from lcsearch.data.hugging_face_columns import Columns
from lcsearch.data.image_files import DECODED_AS, remembered
from lcsearch.data.pictures import eight_bits, square, upright
from lcsearch.data.streamed import Pixels, Wanted

if TYPE_CHECKING:
    from PIL.Image import Image

_SAMPLE = 64
"""So many pictures, over the whole split, tell whether all are grey, and of one size."""
_SMALLEST, _OF_PHOTOGRAPHS, _LARGEST = 32, 64, 128
"""Bounds of the pictures' own height and width as default, in pixels; the middle one where they differ."""
_BATCH = 256


def pictures_of(rows: Any, columns: Columns, size: int, mode: str) -> Tensor:
    """Decode the images of rows, from the cache where they were decoded before.

    Their shorter side is resized to the size and the middle is kept.

    Args:
        rows: As `Columns.alone` has them.
        columns: Where the images stand.
        size: Height and width wanted, in pixels.
        mode: ``RGB``, or ``L`` for grey.

    Returns:
        uint8, (n, channels, size, size).

    Raises:
        InputError: One is no readable image.
    """
    digest = hashlib.sha256(f"hf {DECODED_AS} {size} {mode} {content_of(rows, columns)}".encode()).hexdigest()
    shape = (len(rows), 1 if mode == "L" else 3, size, size)
    return remembered(digest[:32], shape, lambda: _decoded(rows, columns, size, mode))


def streamed_pictures(name: str, which: str, rows: Any, columns: Columns, size: int, mode: str) -> Wanted:
    """What a file is to hold of the images of rows, decoded as `pictures_of` does.

    Whether they are those of before is told by the names, sizes and times of the tables that hold the rows;
    where none does, by all rows, once.

    Args:
        name: The data set.
        which: A digest of which of its rows these are.
        rows: As for `pictures_of`, like the others.
        columns: Where the images stand.
        size: Height and width wanted, in pixels.
        mode: ``RGB``, or ``L`` for grey.
    """
    tables = [Path(table["filename"]) for table in rows.cache_files]

    @cache
    def read() -> str:
        return content_of(rows, columns)

    return Wanted(
        name,
        f"hf {DECODED_AS} {name} {columns.image} {size} {mode} {which}",
        (lambda: states_of(tables)) if tables else read,
        (len(rows), 1 if mode == "L" else 3, size, size),
        lambda first: _decoded(rows, columns, size, mode, first),
    )


def content_of(rows: Any, columns: Columns) -> str:
    """A digest of labels and encoded images, none of which is decoded."""
    import datasets

    digest = hashlib.blake2b(digest_size=16)
    encoded = rows.cast_column(columns.image, datasets.Image(decode=False))
    for batch in encoded.iter(batch_size=_BATCH):
        for image, label in zip(batch[columns.image], batch[columns.label], strict=True):
            digest.update(f"\0{label!r}\0".encode())
            digest.update(_encoded(image))
    return digest.hexdigest()


def sampled(rows: Any, columns: Columns, name: str) -> tuple[int, bool]:
    """The default height and width in pixels, and whether all are grey, by a few pictures.

    Raises:
        InputError: There are no rows, or one of these is no readable image.
    """
    if not len(rows):
        raise InputError("its training split is empty", setting="dataset", value=name)
    places = torch.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows))).long().unique().tolist()
    try:
        found = [_picture(rows, place, columns) for place in places]
    except Exception as error:
        raise InputError(
            f"column {columns.image!r}: no readable images ({reason(error)})", setting="dataset", value=name
        ) from error
    sizes = {picture.size for picture in found}
    width, height = next(iter(sizes))
    alike = len(sizes) == 1 and width == height <= _LARGEST
    grey = all(picture.mode in ("L", "1", "I", "F") or picture.mode.startswith("I;16") for picture in found)
    return max(_SMALLEST, width) if alike else _OF_PHOTOGRAPHS, grey


def _decoded(rows: Any, columns: Columns, size: int, mode: str, first: int = 0) -> Iterator[Pixels]:
    for place in range(first, len(rows)):
        try:
            yield square(eight_bits(upright(_picture(rows, place, columns))), size, mode).numpy()
        except (OSError, ValueError, SyntaxError) as error:
            said = "".join(map(str, error.parts)) if isinstance(error, InputError) else reason(error)
            raise InputError(f"image {place} of {columns.image!r}: no readable picture ({said})") from error


def _picture(rows: Any, place: int, columns: Columns) -> Image:
    picture: Image | None = rows[place][columns.image]
    if picture is None:
        raise InputError("an image is missing")
    return picture


def _encoded(image: Any) -> bytes:
    """What is stored of an image, in the table or in a file of its own; nothing where there is none."""
    if image is None:
        return b""
    try:
        return image["bytes"] or Path(image["path"]).read_bytes()
    except (OSError, TypeError) as error:
        raise InputError(f"{image['path']}: no readable file ({reason(error)})") from error
