"""The IDX files of MNIST and its successors, plain or gzipped, and what can be wrong with them.

An IDX file is big-endian: a magic number that gives type and dimensions (2051 for images, 2049 for labels),
one 32-bit size per dimension, then the bytes.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError
from lcsearch.data.dataset import Part, Raw
from lcsearch.data.pixels import from_arrays

IMAGES = {"train": "train-images-idx3-ubyte", "test": "t10k-images-idx3-ubyte"}
LABELS = {"train": "train-labels-idx1-ubyte", "test": "t10k-labels-idx1-ubyte"}
_SIZE = 28
"""Height and width of every image, in pixels."""
_FILES = (*IMAGES.values(), *LABELS.values())


def find_folder(place: Path, subfolder: str) -> Path | None:
    """The folder with the four files: ``place`` itself, or torchvision's ``subfolder`` of it.

    Raises:
        InputError: Some of the four are there and others are not.
    """
    for folder in (place, place / subfolder):
        missing = [name for name in _FILES if _file(folder, name) is None]
        if not missing:
            return folder
        if len(missing) < len(_FILES):
            raise InputError(f"{folder / missing[0]}[.gz]: missing beside the data set's other files")
    return None


def read_part(folder: Path, part: Part, *, num_classes: int) -> Raw:
    """Read images and labels of one part.

    Args:
        folder: Holds the four files.
        part: Which two of them.
        num_classes: Labels must be below.

    Raises:
        InputError: A file is damaged, or the two do not belong together; names the file.
    """
    image_file, label_file = part_files(folder, part)
    images = _read(image_file, magic=2051, shape=(_SIZE, _SIZE))
    labels = _read(label_file, magic=2049, shape=())
    if len(images) != len(labels):
        raise InputError(
            f"{label_file}: {len(labels):,} labels, but {image_file.name} has {len(images):,} images"
        )
    if int(labels.max()) >= num_classes:
        raise InputError(
            f"{label_file}: label {int(labels.max())}, but labels run from 0 to {num_classes - 1}"
        )
    return from_arrays(images.unsqueeze(1), labels.long())


def part_files(folder: Path, part: Part) -> tuple[Path, Path]:
    """The files of one part's images and labels.

    Raises:
        InputError: One is gone.
    """
    return _existing(folder, IMAGES[part]), _existing(folder, LABELS[part])


def _file(folder: Path, name: str) -> Path | None:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    return None


def _existing(folder: Path, name: str) -> Path:
    path = _file(folder, name)
    if path is None:
        raise InputError(f"{folder / name}[.gz]: no such file")
    return path


def _read(path: Path, *, magic: int, shape: tuple[int, ...]) -> Tensor:
    """The content as uint8 (n, *shape), n at least 1."""
    try:
        with path.open("rb") as file:
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file
            return _parse(path, stream, magic, shape)
    except gzip.BadGzipFile as error:
        raise InputError(f"{path}: not a gzip file ({error}); fetch it again") from error
    except EOFError as error:
        raise InputError(
            f"{path}: the file is cut short (its gzip stream has no end); fetch it again"
        ) from error
    except zlib.error as error:
        raise InputError(f"{path}: the file is damaged ({error}); fetch it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _parse(path: Path, stream: BinaryIO, magic: int, shape: tuple[int, ...]) -> Tensor:
    header = stream.read(4 * (2 + len(shape)))
    if len(header) < 4 * (2 + len(shape)):
        raise InputError(f"{path}: the file is cut short ({len(header)} bytes); fetch it again")
    found, count, *found_shape = struct.unpack(f">{2 + len(shape)}i", header)
    if found != magic:
        raise InputError(
            f"{path}: no IDX file of {'images' if shape else 'labels'} (magic number {found}, not {magic})"
        )
    if tuple(found_shape) != shape:
        raise InputError(
            f"{path}: images of {'x'.join(map(str, found_shape))} pixels; "
            f"expected {'x'.join(map(str, shape))}"
        )
    if count < 1:
        raise InputError(f"{path}: holds {count} items; expected at least 1")
    wanted = count * int(np.prod(shape))
    # The read past the end makes gzip check its checksum.
    content = bytearray(stream.read(wanted))
    if len(content) < wanted:
        raise InputError(
            f"{path}: the file is cut short ({len(content):,} of {wanted:,} bytes); fetch it again"
        )
    if stream.read(1):
        raise InputError(f"{path}: longer than its header says ({wanted:,} bytes); fetch it again")
    return torch.frombuffer(content, dtype=torch.uint8).reshape(count, *shape)
