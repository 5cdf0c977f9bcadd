"""Digests of images: of whole parts, which are cheap to compare, and of each image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from torch import Tensor

from lcsearch.core.data_digest import DataDigest, PartDigest
from lcsearch.data.dataset import DatasetInfo, Listing, SearchData, Split

_PART_BYTES, _IMAGE_BYTES = 16, 8
_SIZED = ("unused", "test")
"""Parts of which no pixel is looked at: there the sizes of files tell what changed."""


class ImageLine(NamedTuple):
    """What a run keeps of one image.

    Attributes:
        part: ``train``, ``validation``, ``unused`` or ``test``.
        label: Its label; -1 where it is not known.
        size: Bytes of its file; 0 where it is no file.
        pixels: Digest of its decoded pixels; empty where they were not looked at.
        name: As in `lcsearch.data.dataset.Listing`.
    """

    part: str
    label: int
    size: int
    pixels: str
    name: str


def digest_of(
    info: DatasetInfo, listings: Mapping[str, Listing], test_content: str, data: SearchData | None
) -> DataDigest:
    """The digest of a data set.

    Args:
        info: Its facts.
        listings: Its parts by name.
        test_content: As `DataSet.test_content`.
        data: Its training and validation images; None leaves the digests of their pixels empty.
    """
    pixels = {} if data is None else pixel_digests(data)
    parts = {
        name: PartDigest(len(listing.names), _listed(name, listing), pixels.get(name, ""))
        for name, listing in listings.items()
    }
    divided = {name: listing.names for name, listing in listings.items() if name != "test"}
    split = _of(text for name, names in divided.items() for text in (f"\n{name}", *names))
    return DataDigest(info.num_classes, list(info.mean), list(info.std), split, parts, test_content)


def pixel_digests(data: SearchData) -> dict[str, str]:
    """Digests of labels and pixels, by part."""
    return {
        name: _of_split(split) for name, split in (("train", data.train), ("validation", data.validation))
    }


def seen_digest(data: SearchData) -> str:
    """The digest of what trials see, as `lcsearch.core.data_digest.DataDigest.seen` has it."""
    found = pixel_digests(data)
    return f"{found['train']}-{found['validation']}"


def image_digests(images: Tensor) -> list[str]:
    """A digest of each image's pixels, uint8 (n, channels, height, width)."""
    pixels = np.ascontiguousarray(images.numpy())
    return [hashlib.blake2b(image, digest_size=_IMAGE_BYTES).hexdigest() for image in pixels]


def image_lines(listings: Mapping[str, Listing], data: SearchData) -> list[ImageLine]:
    """A line for each image, in the order of the split."""
    decoded = {"train": data.train, "validation": data.validation}
    lines = []
    for part, listing in listings.items():
        pixels = image_digests(decoded[part].images) if part in decoded else [""] * len(listing.names)
        columns = zip(listing.labels, listing.sizes, pixels, listing.names, strict=True)
        lines += [ImageLine(part, *column) for column in columns]
    return lines


def _listed(part: str, listing: Listing) -> str:
    sizes = listing.sizes if part in _SIZED else (0,) * len(listing.names)
    columns = zip(listing.names, listing.labels, sizes, strict=True)
    return _of(f"{name}\0{label}\0{size}" for name, label, size in columns)


def _of(texts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=_PART_BYTES)
    for text in texts:
        digest.update(f"{text}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _of_split(split: Split) -> str:
    if split.file is None:
        return _of_tensors(split.labels, split.images)
    return split.file.digest(_of_tensors(split.labels), lambda: _of_tensors(split.labels, split.images))


def _of_tensors(*tensors: Tensor) -> str:
    digest = hashlib.blake2b(digest_size=_PART_BYTES)
    for tensor in tensors:
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()
