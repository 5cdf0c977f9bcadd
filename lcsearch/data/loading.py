"""From ``--dataset`` to tensors: what the search may see, and, once, the test images."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import torch

from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.data import folder, places, sets, user
from lcsearch.data.dataset import SearchData, Source, Split
from lcsearch.data.split import check_memory, resolve_sizes, stratified_order

SMALLEST_IMAGE, LARGEST_IMAGE = 8, 512
_final = ContextVar("lcsearch_final_evaluation", default=False)


@dataclass(frozen=True, slots=True)
class Description:
    """One line of ``lcsearch datasets``.

    Attributes:
        name: What ``--dataset`` takes.
        summary: What is on the images.
        train_images: Images that training and validation share; None where only reading tells.
        test_images: Images of the test part; likewise.
        num_classes: Number of labels.
        in_channels: Channels of an image.
        image_size: Height and width, in pixels.
        found: The folder that holds it; None where it would be downloaded.
        problem: What is wrong with the files that were found; None where nothing is.
    """

    name: str
    summary: str
    train_images: int | None
    test_images: int | None
    num_classes: int
    in_channels: int
    image_size: int
    found: str | None
    problem: str | None = None


def names() -> list[str]:
    """The data sets that have a name, in alphabetical order."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(sets.__path__))


def describe(name: str, *, data_dir: str | Path | None = None) -> Description:
    """What is known of a data set without reading its images.

    Raises:
        InputError: No such data set, or no such ``data_dir``.
    """
    where = _as_path(data_dir)
    source = _source(name, where)
    if where is not None and not where.is_dir():
        raise InputError(f"--data-dir {where}: no such folder")
    found, problem = None, None
    try:
        found = places.find(source, where)
    except InputError as error:
        problem = str(error)
    return Description(
        name=source.name,
        summary=source.summary,
        train_images=source.train_images,
        test_images=source.test_images,
        num_classes=source.num_classes,
        in_channels=source.in_channels,
        image_size=source.image_size,
        found=None if found is None else str(found),
        problem=problem,
    )


def fetch(name: str, *, data_dir: str | Path | None = None, timeout: float = places.DOWNLOAD_TIMEOUT) -> Path:
    """Make sure that a data set is on this machine; reads no image.

    Args:
        name: As in `load`.
        data_dir: As in `load`.
        timeout: Seconds without an answer after which a download is given up.

    Returns:
        The folder that holds it.

    Raises:
        InputError: It is nowhere and cannot be downloaded.
    """
    where = _as_path(data_dir)
    return places.locate(_source(name, where), where, timeout=timeout)


def load(
    name: str,
    *,
    data_dir: str | Path | None = None,
    train_images: int | None = None,
    validation_images: int | None = None,
    image_size: int | None = None,
) -> SearchData:
    """Read training and validation images; never a test image.

    Validation is cut from the training part by a fixed stratified shuffle that no seed changes. Fewer
    training images are a subset of more. A set without a test part of its own has a fixed fifth set
    aside for it.

    Args:
        name: A name from `names`, ``folder:PATH``, or ``package.module:function``.
        data_dir: Where to look first.
        train_images: Images to train on; None for all that validation leaves.
        validation_images: Images to validate on; None for a fifth of the training part, at most 5,000.
        image_size: Height and width of the images; None for the data set's own.

    Raises:
        InputError: Anything the user can get wrong, damaged files included.
    """
    where = _as_path(data_dir)
    source = _source(name, where)
    size = _checked_size(source, image_size)
    raw = source.open(places.locate(source, where), "train")
    sizes = resolve_sizes(source.name, len(raw.labels), source.num_classes, train_images, validation_images)
    check_memory(source, sizes.train + sizes.validation, size)
    order = stratified_order(raw.labels)
    validation = order[: sizes.validation]
    train = order[sizes.validation : sizes.validation + sizes.train]
    return SearchData(
        info=source.info(size),
        train=Split(raw.take(train, size), raw.labels[train]),
        validation=Split(raw.take(validation, size), raw.labels[validation]),
    )


@contextlib.contextmanager
def final_evaluation() -> Iterator[None]:
    """Allow `test_split` inside: validation picks, test reports, so nothing may be chosen in here."""
    token = _final.set(True)
    try:
        yield
    finally:
        _final.reset(token)


def test_split(name: str, *, data_dir: str | Path | None = None, image_size: int | None = None) -> Split:
    """Read the test images, all of them, in the order of their files.

    Args:
        name: As in `load`.
        data_dir: As in `load`.
        image_size: As in `load`.

    Raises:
        RuntimeError: Outside of ``with final_evaluation():``.
        InputError: As in `load`.
    """
    if not _final.get():
        raise RuntimeError(
            "the test images are for the final evaluation only: with data.final_evaluation(): ..."
        )
    where = _as_path(data_dir)
    source = _source(name, where)
    size = _checked_size(source, image_size)
    raw = source.open(places.locate(source, where), "test")
    check_memory(source, len(raw.labels), size)
    return Split(raw.take(torch.arange(len(raw.labels)), size), raw.labels)


def _source(name: str, data_dir: Path | None) -> Source:
    if name in names():
        module = importlib.import_module(f"lcsearch.data.sets.{name.replace('-', '_')}")
        found: Source = module.SOURCE
        return found
    if name.startswith("folder:"):
        return folder.source(name)
    if ":" in name:
        return user.source(name, data_dir)
    raise InputError(
        f"--dataset {name!r}: unknown; {did_you_mean(name, names())} "
        "(or folder:PATH, or package.module:function)"
    )


def _checked_size(source: Source, image_size: int | None) -> int:
    size = source.image_size if image_size is None else image_size
    if not SMALLEST_IMAGE <= size <= LARGEST_IMAGE:
        raise InputError(f"--image-size {size}: {SMALLEST_IMAGE} to {LARGEST_IMAGE} pixels")
    return size


def _as_path(data_dir: str | Path | None) -> Path | None:
    return None if data_dir is None else Path(data_dir).expanduser()
