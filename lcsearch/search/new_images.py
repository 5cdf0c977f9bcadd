"""Reads the images of a new run once, so that every mistake in them is found before the run is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lcsearch import data
from lcsearch.core.errors import said_of
from lcsearch.core.metric import ACCURACY, effective_images
from lcsearch.data.holding import check_batch
from lcsearch.data.recorded import ImageRecord, record
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings
from lcsearch.search.options import default_train_images


@dataclass(frozen=True, eq=False)
class NewImages:
    """The images of a new run.

    Attributes:
        data: What is trained and validated on.
        record: What the run is to record of all images.
    """

    data: data.SearchData
    record: ImageRecord


def look_at_data(settings: RunSettings) -> tuple[RunSettings, Facts, NewImages]:
    """Read the images that a new run asks for.

    Returns:
        The settings with the numbers of images filled in, the facts, and the images.

    Raises:
        InputError: Something is wrong with them, or there are not that many.
    """
    division = data.divide(
        settings.dataset,
        data_dir=settings.data_dir,
        train_images=settings.train_images,
        validation_images=settings.validation_images,
        image_size=settings.image_size,
        room=settings.room,
    )
    check_batch(settings.room, settings.recipe.batch_size, division.image_shape)
    beside_test = division.check_test()
    images = settings.train_images or default_train_images(settings, len(division.train))
    division = division.with_train(images)
    found = division.decoded()
    with said_of("init", settings.init):
        seen = found.normalised(settings.normalisation)
    validation, info = len(found.validation), found.info
    facts = Facts(info.num_classes, info.in_channels, info.image_size, images, validation)
    if settings.metric != ACCURACY:
        counts = found.validation.labels.bincount().tolist()
        facts = replace(facts, effective_images=effective_images(settings.metric, counts))
    settings = replace(
        settings,
        train_images=images,
        validation_images=validation,
        own_validation=division.own_validation,
    )
    left_out = tuple(dict.fromkeys((*found.left_out, *beside_test)))
    return settings, facts, NewImages(replace(seen, left_out=left_out), record(division, found))
