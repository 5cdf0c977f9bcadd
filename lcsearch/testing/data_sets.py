"""The contract of a data set."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from lcsearch.data import DataSet
from lcsearch.data.dataset import Part, Raw
from lcsearch.testing._expect import doing, expect

_LOOKED_AT = 64
_SIZES = (8, 37)
_MEAN_OFF = 0.05


def check_data_set(data_set: DataSet, data_dir: Path | None = None) -> None:
    """Check what a data set says of itself, and, where its files are on this machine, what is read from them.

    Args:
        data_set: What its file calls ``DATA_SET``, or its entry point names.
        data_dir: Where to look for its files first, as ``--data-dir``.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.data.DataSet`.
    """
    _check_facts(data_set)
    with doing("saying where its files may be"):
        places = data_set.places(data_dir)
    expect(
        all(isinstance(place, Path) for place in places), f"places() returned {places!r}, no list of Paths"
    )
    folder = _found(data_set, places)
    if folder is not None:
        _check_part(data_set, folder, "train", data_set.train_images)
        _check_part(data_set, folder, "test", data_set.test_images)


def _check_facts(data_set: DataSet) -> None:
    expect(bool(data_set.summary.strip()) and "\n" not in data_set.summary, "its summary is not one line")
    expect(data_set.num_classes >= 2, f"it has {data_set.num_classes} classes; at least 2 are needed")
    expect(data_set.image_size >= 1, f"its image_size is {data_set.image_size}")
    for name, values in (("mean", data_set.mean), ("std", data_set.std)):
        good = len(values) == data_set.in_channels and all(map(math.isfinite, values))
        expect(good, f"{name} is {values}; expected a number for each of {data_set.in_channels} channels")
        expect(max(values) <= 1, f"{name} is {values}; it is that of pixel values in 0..1")
    expect(min(data_set.std) > 0, f"std is {data_set.std}; it divides, so it must be above 0")


def _found(data_set: DataSet, places: list[Path]) -> Path | None:
    with doing("looking for its files"):
        return next((found for place in places if (found := data_set.find(place)) is not None), None)


def _check_part(data_set: DataSet, folder: Path, part: Part, images: int | None) -> None:
    with doing(f"reading its {part} part"):
        raw, again = data_set.read(folder, part), data_set.read(folder, part)
    labels = raw.labels
    expect(labels.dtype == torch.int64 and labels.ndim == 1, f"labels of {part} are no int64 tensor (n,)")
    expect(images in (None, len(labels)), f"it says that {part} has {images} images, and reads {len(labels)}")
    expect(torch.equal(labels, again.labels), f"read twice, the labels of {part} are in another order")
    low, high = int(labels.min()), int(labels.max())
    good = low == 0 and high == data_set.num_classes - 1
    expect(good, f"labels of {part} run from {low} to {high}; expected 0 to {data_set.num_classes - 1}")
    for size in (data_set.image_size, *_SIZES):
        _check_images(data_set, raw, part, size)
    if part == "train":
        _check_statistics(data_set, raw)
        _check_validation(raw, again)


def _check_images(data_set: DataSet, raw: Raw, part: Part, size: int) -> None:
    order = torch.randperm(len(raw.labels), generator=torch.Generator().manual_seed(0))[:_LOOKED_AT]
    with doing(f"taking images of {part} in {size} pixels"):
        images = raw.take(order, size)
        one = raw.take(order[-1:], size)
    shape = (len(order), data_set.in_channels, size, size)
    good = images.dtype == torch.uint8 and tuple(images.shape) == shape
    expect(good, f"take() gives {images.dtype} {tuple(images.shape)} of {part}; expected uint8 {shape}")
    expect(torch.equal(images[-1:], one), f"alone, an image of {part} is another than among others")


def _check_validation(raw: Raw, again: Raw) -> None:
    """Where the data set itself keeps images for validation, others are left to train on."""
    if raw.validation is None:
        return
    places = raw.validation.tolist()
    good = len(set(places)) == len(places) > 0 and set(places) < set(range(len(raw.labels)))
    expect(good, "validation names no image, all of them, one twice, or one that is not there")
    same = again.validation is not None and again.validation.tolist() == places
    expect(same, "read twice, its validation images are others")


def _check_statistics(data_set: DataSet, raw: Raw) -> None:
    order = torch.randperm(len(raw.labels), generator=torch.Generator().manual_seed(1))[:2000]
    pixels = raw.take(order, data_set.image_size).double() / 255
    for name, stated, found in (
        ("mean", data_set.mean, pixels.mean((0, 2, 3))),
        ("std", data_set.std, pixels.std((0, 2, 3))),
    ):
        off = max(abs(value - float(true)) for value, true in zip(stated, found, strict=True))
        values = [round(float(value), 3) for value in found]
        expect(off <= _MEAN_OFF, f"it says that {name} is {stated}; that of its training images is {values}")
