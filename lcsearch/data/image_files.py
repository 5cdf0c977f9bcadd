"""Image files: decoded to uint8 and kept in the cache, or only looked at by their headers."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError, reason
from lcsearch.core.files import replacing
from lcsearch.data.dataset import Raw
from lcsearch.data.pictures import eight_bits, square, upright
from lcsearch.data.places import cache_dir
from lcsearch.data.streamed import Pixels, Wanted

DECODED_AS = 2
"""Counts up whenever files are decoded to other pixels: what a version before has kept is not taken."""

_AHEAD = 64


def of_files(
    name: str, labels: Tensor, files: Sequence[str], folder: Path, left_out: tuple[str, ...] = ()
) -> Raw:
    """A part of a data set whose images are files; they are decoded as they are taken.

    Args:
        name: The data set, for messages.
        labels: int64, (n,).
        files: The path of each inside the folder.
        folder: The folder of the data set.
        left_out: What lies beside them and is not read, in a line each.
    """

    def paths(indices: Tensor) -> list[Path]:
        return [folder / files[place] for place in indices.tolist()]

    return Raw(
        labels,
        lambda indices, size: decoded(paths(indices), size),
        left_out=left_out,
        files=tuple(files),
        folder=folder,
        stream=lambda indices, size: streamed_files(name, paths(indices), size),
    )


def decoded(files: Sequence[Path], size: int) -> Tensor:
    """Read images, from the cache where they were decoded before.

    They become RGB, their shorter side is resized to the size and the middle is kept.

    Args:
        files: The files.
        size: Height and width wanted, in pixels.

    Returns:
        uint8, (n, 3, size, size).

    Raises:
        InputError: A file holds no readable image; names it.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        shape = (len(files), 3, size, size)
        return remembered(
            _digest(files, size), shape, lambda: pool.map(lambda path: _decode(path, size), files)
        )


def streamed_files(name: str, files: Sequence[Path], size: int) -> Wanted:
    """What a file is to hold of the images of files, decoded as `decoded` does."""
    key = "\0".join([f"{DECODED_AS} {size}", *map(str, files)])
    shape = (len(files), 3, size, size)
    return Wanted(name, key, lambda: _digest(files, size), shape, lambda first: _each(files[first:], size))


def _each(files: Sequence[Path], size: int) -> Iterator[Pixels]:
    """Decode files, a few ahead of those that are taken."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for first in range(0, len(files), _AHEAD):
            yield from pool.map(lambda path: _decode(path, size), files[first : first + _AHEAD])


def remembered(digest: str, shape: tuple[int, ...], decode: Callable[[], Iterable[Pixels]]) -> Tensor:
    """Decoded images, from the cache where they were decoded before.

    Args:
        digest: Of what they are made of.
        shape: (n, channels, size, size).
        decode: Makes them, each uint8 (channels, size, size).

    Returns:
        uint8, of this shape.
    """
    kept = cache_dir() / "folders" / f"{digest}.npy"
    try:
        images = np.load(kept, allow_pickle=False)
        if images.shape == shape and images.dtype == np.uint8:
            return torch.from_numpy(images)
    except (OSError, ValueError, EOFError):
        pass
    images = np.empty(shape, dtype=np.uint8)
    for place, image in enumerate(decode()):
        images[place] = image
    _keep(kept, images)
    return torch.from_numpy(images)


def check_headers(files: Sequence[Path]) -> None:
    """Make sure that files begin as images do; no pixel is decoded.

    Raises:
        InputError: One does not; names it.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for _ in pool.map(_check_header, files):
            pass


def _check_header(path: Path) -> None:
    from PIL import Image

    with _readable(path), Image.open(path):
        pass


def _decode(path: Path, size: int) -> Pixels:
    from PIL import Image

    with _readable(path), Image.open(path) as image:
        return square(eight_bits(upright(image)), size).numpy()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever PIL says inside is said of the file."""
    from PIL import Image

    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: ", *error.parts) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: no readable image ({reason(error)})") from error


def _digest(files: Sequence[Path], size: int) -> str:
    digest = hashlib.sha256(f"{DECODED_AS} {size}".encode())
    for path in files:
        with _readable(path):
            state = path.stat()
        digest.update(f"\0{path.absolute()}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


def _keep(path: Path, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    """Write decoded images; a cache that cannot be written only costs time."""
    with contextlib.suppress(OSError, InputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as part, part.open("wb") as file:
            np.save(file, images)
