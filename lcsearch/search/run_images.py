"""The images of a run for what only measures on them, as far as they are as they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from lcsearch.core.errors import InputError, reason
from lcsearch.data import full_name, load
from lcsearch.data.dataset import SearchData, Split
from lcsearch.data.recorded import CHANGED, UNKNOWN, RecordedImages, Source, compare
from lcsearch.runs.directory import RunDirectory


class RunImages(NamedTuple):
    """What is left of a run's images.

    Attributes:
        data: They themselves, normalised as the data set is.
        note: What is to be said of them; empty where nothing has changed.
    """

    data: SearchData
    note: str = ""


OTHERS = "the images are not compared with the run's: another data set or image size was asked for"
"""What is said where the user asked for images that the run never had."""


def read_images(directory: RunDirectory, dataset: str, where: Mapping[str, Any]) -> RunImages:
    """Read a run's images, and compare them with what it recorded.

    Args:
        directory: A run that lcsearch itself trained.
        dataset: The run's, or another that the user asked for.
        where: ``data_dir``, ``train_images``, ``image_size`` and ``own_validation`` likewise. Where images
            have changed, at most as many train as are left.

    Raises:
        InputError: They cannot be read, or none is left to train on or to validate on.
    """
    run = directory.read()
    settings = run.settings
    if (full_name(dataset), where["image_size"]) != (full_name(settings.dataset), settings.image_size):
        return RunImages(load(dataset, **where), OTHERS)
    wanted = Source(dataset, validation_images=settings.validation_images, **where)
    if run.data is None:
        return RunImages(wanted.load(), UNKNOWN)
    source = replace(wanted, train_images=settings.train_images)
    try:
        found = compare(RecordedImages(run.data, directory.images), source)
    except OSError as error:
        raise InputError(f"{directory.path}: its images cannot be read ({reason(error)})") from error
    if found.changes is None:
        return RunImages(found.data if wanted == source else wanted.load())
    words = f"{CHANGED}{found.changes}; {found.changes.left} are as they were"
    if not found.changes.usable:
        raise InputError(f"{directory.path}: {words}")
    train = found.data.train
    first = Split(train.images[: wanted.train_images], train.labels[: wanted.train_images])
    return RunImages(replace(found.data, train=first), f"{words}; no others are used")
