"""Digests of what is never decoded: the bytes of a test part, so that another one is noticed.

They say whether the bytes are the same and nothing else, so nothing can be chosen by what is on an image.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

from lcsearch.core.errors import InputError, reason

_BYTES = 16
_CHUNK = 1 << 20


def digest_of_files(paths: Iterable[Path]) -> str:
    """A digest of what files hold, the same whether they are gzipped or not.

    Raises:
        InputError: One cannot be read to its end; names it.
    """
    digest = hashlib.blake2b(digest_size=_BYTES)
    for path in paths:
        content = hashlib.blake2b(digest_size=_BYTES)
        try:
            with _opened(path) as file:
                while chunk := file.read(_CHUNK):
                    content.update(chunk)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}: damaged or not readable ({reason(error)}); fetch it again") from error
        digest.update(content.digest())
    return digest.hexdigest()


def digest_of_arrays(arrays: Sequence[Tensor]) -> str:
    """A digest of the types, shapes and values of dense tensors; empty where there are none."""
    digest = hashlib.blake2b(digest_size=_BYTES)
    for array in arrays:
        plain = array.detach().cpu().contiguous()
        digest.update(f"{plain.dtype} {tuple(plain.shape)}\n".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest() if arrays else ""


def states_of(paths: Iterable[Path]) -> str:
    """A digest of names, sizes and times of files, and of all those in folders; none is opened.

    Raises:
        OSError: One is gone.
    """
    digest = hashlib.blake2b(digest_size=_BYTES)
    for path in paths:
        inside = path.rglob("*") if path.is_dir() else [path]
        for file in sorted(one for one in inside if not one.is_dir()):
            state = file.stat()
            digest.update(
                f"{file}\0{state.st_size}\0{state.st_mtime_ns}\0".encode("utf-8", "surrogateescape")
            )
    return digest.hexdigest()


def arrays_of(data: Any) -> Iterator[Tensor]:
    """What a ``Dataset`` or a list of items holds of each of its images; no ``Dataset`` is asked for one.

    Of a ``Dataset`` those are its attributes, and what is in tuples of these, with a row for each image:
    tensors, arrays, lists of whole numbers such as torchvision's ``targets``, and the sizes of the files that
    a list names.
    """
    if isinstance(data, Subset):
        rows = torch.as_tensor(np.asarray(data.indices, dtype=np.int64))
        yield from (array[rows] for array in arrays_of(data.dataset))
    elif isinstance(data, ConcatDataset):
        for one in data.datasets:
            yield from arrays_of(one)
    elif isinstance(data, (list, tuple)):
        for held in itertools.chain.from_iterable(item for item in data if isinstance(item, (list, tuple))):
            yield from _array(held if isinstance(held, (Tensor, np.ndarray)) else [held])
    elif hasattr(data, "__len__"):
        for _, value in sorted(getattr(data, "__dict__", {}).items()):
            for held in value if isinstance(value, tuple) else (value,):
                if hasattr(held, "__len__") and _has_rows(held) and len(held) == len(data):
                    yield from _array(held)


def _has_rows(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, (Tensor, np.ndarray)) and value.ndim > 0)


def _array(value: Tensor | np.ndarray[Any, Any] | list[Any]) -> list[Tensor]:
    """The value as a dense tensor of numbers; nothing where it is of another kind."""
    if isinstance(value, Tensor):
        return [value] if value.layout is torch.strided and not value.is_quantized else []
    if isinstance(value, np.ndarray):
        return [torch.as_tensor(value)] if value.dtype.kind in "biuf" else []
    if all(isinstance(one, (int, np.integer)) for one in value):
        return [torch.as_tensor(np.asarray(value, dtype=np.int64))]
    files = [one[0] if isinstance(one, tuple) and one else one for one in value]
    if all(isinstance(file, (str, os.PathLike)) for file in files):
        return [torch.tensor([_size(file) for file in files])]
    return []


def _size(file: str | os.PathLike[str]) -> int:
    """Bytes of a file; -1 where there is none of that name."""
    try:
        return Path(file).stat().st_size
    except (OSError, ValueError):
        return -1


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
