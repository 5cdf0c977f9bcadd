"""What CIFAR and SVHN share: torchvision reads their archives, and says one thing for all that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lcsearch.core.errors import InputError
from lcsearch.data.dataset import Raw
from lcsearch.data.pixels import from_arrays


def find_entry(place: Path, *entries: str) -> Path | None:
    """``place`` where all entries are in it, None where none is.

    Raises:
        InputError: Some are there and others are not.
    """
    missing = [entry for entry in entries if not (place / entry).exists()]
    if not missing:
        return place
    if len(missing) < len(entries):
        raise InputError(f"{place / missing[0]}: missing beside the data set's other files")
    return None


def read_cifar(make: Callable[[], Any], path: Path, num_classes: int) -> Raw:
    """Read one part of CIFAR.

    Args:
        make: Builds torchvision's data set, which checks the files' checksums.
        path: What to name in a message.
        num_classes: Number of labels.

    Raises:
        InputError: The files are damaged.
    """
    data = _made(make, path)
    return _checked(data.data.transpose(0, 3, 1, 2), data.targets, path, num_classes)


def read_svhn(make: Callable[[], Any], path: Path) -> Raw:
    """Read one part of SVHN; like `read_cifar`."""
    data = _made(make, path)
    return _checked(data.data, data.labels, path, 10)


def _made(make: Callable[[], Any], path: Path) -> Any:
    try:
        return make()
    except Exception as error:
        why = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: cut short or damaged ({why}); fetch it again") from error


def _checked(images: Any, labels: Any, path: Path, num_classes: int) -> Raw:
    if images.shape[1:] != (3, 32, 32):
        raise InputError(f"{path}: images of shape {tuple(images.shape[1:])}; expected (3, 32, 32)")
    of_image = torch.as_tensor(np.asarray(labels), dtype=torch.int64)
    if len(of_image) != len(images):
        raise InputError(f"{path}: {len(of_image):,} labels for {len(images):,} images")
    if len(of_image) == 0 or int(of_image.min()) < 0 or int(of_image.max()) >= num_classes:
        raise InputError(f"{path}: labels must run from 0 to {num_classes - 1}")
    return from_arrays(torch.from_numpy(np.asarray(images)), of_image)
