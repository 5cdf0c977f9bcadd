"""The private parts of torchvision's data sets that are used: where the files of four of them lie.

Their public part gives decoded images alone; where a private part is gone, every image is decoded to learn
its label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

FileAndLabel = tuple[Path, int]


def files_of(data_set: Any) -> list[FileAndLabel] | None:
    """The file and the label of each image of one of `WITHOUT_LOADER`; None where they cannot be had."""
    try:
        found = WITHOUT_LOADER[type(data_set).__name__](data_set)
        return [(Path(file), int(label)) for file, label in found]
    except (AttributeError, TypeError, ValueError):
        return None


def _caltech101(data_set: Any) -> Iterable[tuple[str, int]]:
    for number, label in zip(data_set.index, data_set.y, strict=True):
        folder = Path(data_set.root, "101_ObjectCategories", data_set.categories[label])
        yield str(folder / f"image_{number:04d}.jpg"), label


def _caltech256(data_set: Any) -> Iterable[tuple[str, int]]:
    for number, label in zip(data_set.index, data_set.y, strict=True):
        folder = Path(data_set.root, "256_ObjectCategories", data_set.categories[label])
        yield str(folder / f"{label + 1:03d}_{number:04d}.jpg"), label


WITHOUT_LOADER: dict[str, Callable[[Any], Iterable[tuple[Any, Any]]]] = {
    "Caltech101": _caltech101,
    "Caltech256": _caltech256,
    "GTSRB": lambda data_set: data_set._samples,
    "OxfordIIITPet": lambda data_set: zip(data_set._images, data_set._labels, strict=True),
}
"""By the names of classes that take no ``loader``."""
