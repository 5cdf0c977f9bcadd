"""A data set beside what a run recorded of it: whether it changed, and what is left of the recorded split."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from lcsearch.core.data_digest import DataDigest
from lcsearch.core.errors import InputError
from lcsearch.core.room import USUAL, Room
from lcsearch.data.changes import Changes
from lcsearch.data.dataset import SearchData
from lcsearch.data.digest import ImageLine, digest_of, image_lines, seen_digest
from lcsearch.data.division import Division
from lcsearch.data.image_list import read_image_list
from lcsearch.data.loading import undivided
from lcsearch.data.old_split import OldSplit, old_split

UNKNOWN = (
    "an older version of lcsearch made this run and recorded nothing of its images: whether they have "
    "changed is not known"
)
"""What is said of a run that holds no digest."""

CHANGED = "the images have changed since this run was made: "
"""What is said before what has changed."""


@dataclass(frozen=True, slots=True)
class RecordedImages:
    """What a run recorded of its images, as plain picklable data.

    Attributes:
        digest: Of all of them.
        file: Holds a line for each of them.
    """

    digest: DataDigest
    file: Path


@dataclass(frozen=True, slots=True)
class Source:
    """Where a run's images are read from, with the settings that were resolved as it was made.

    Attributes:
        name: As `lcsearch.data.load` takes it, like the others.
        data_dir: Where to look first.
        train_images: Images to train on.
        validation_images: Images to validate on.
        image_size: Height and width in pixels; None for the data set's own.
        own_validation: Whether a validation part of the data set's own is used.
        room: For decoded images.
    """

    name: str
    data_dir: str | None
    train_images: int | None
    validation_images: int | None
    image_size: int | None
    own_validation: bool = True
    room: Room = USUAL

    def load(self) -> SearchData:
        """Read the images as `lcsearch.data.load` does."""
        return self._whole().divided(self.train_images, self.validation_images).decoded()

    def as_it_is(self) -> Division:
        """Divide the images anew; all are unused where too few are left for that."""
        whole = self._whole()
        try:
            return whole.divided(self.train_images, self.validation_images)
        except InputError:
            return whole

    def _whole(self) -> Division:
        return undivided(
            self.name,
            data_dir=self.data_dir,
            image_size=self.image_size,
            own_validation=self.own_validation,
            room=self.room,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a data set compares with what was recorded.

    Attributes:
        data: The recorded images that are still as they were, all of them if nothing has changed.
        seen: Digest of these.
        changes: What became of the others; None where the data set is the recorded one.
    """

    data: SearchData
    seen: str
    changes: Changes | None = None


@dataclass(frozen=True)
class ImageRecord:
    """What a run is to record of its images.

    Attributes:
        digest: Of all of them.
        lines: One for each.
    """

    digest: DataDigest
    lines: list[ImageLine]


def record(division: Division, data: SearchData) -> ImageRecord:
    """Make what a run is to record of its images.

    Args:
        division: Which images are for what.
        data: Those for training and validation, as the division decodes them.
    """
    listings = division.listings()
    digest = digest_of(data.info, listings, division.test_content(), data)
    return ImageRecord(digest, image_lines(listings, data))


def compare(recorded: RecordedImages, source: Source) -> Comparison:
    """Compare a data set with what was recorded.

    Raises:
        InputError: As `lcsearch.data.load`; or the recorded lines are needed and do not read.
        OSError: A file went away meanwhile.
    """
    division = source.as_it_is()
    listings = division.listings()
    info, test_content = division.data_set.info(division.size), division.test_content()
    if _agree(recorded.digest, digest_of(info, listings, test_content, None), pixels=False):
        data = division.decoded()
        digest = digest_of(info, listings, test_content, data)
        if _agree(recorded.digest, digest, pixels=True):
            return Comparison(data, digest.seen)
        del data  # as many are decoded again
    left = old_split(division, read_image_list(recorded.file), recorded.digest)
    return Comparison(left.data, seen_digest(left.data), left.changes)


def load_recorded(recorded: RecordedImages, source: Source) -> OldSplit:
    """Read the images of the recorded split that are still as they were; errors are those of `compare`."""
    return old_split(source.as_it_is(), read_image_list(recorded.file), recorded.digest)


def _agree(then: DataDigest, now: DataDigest, *, pixels: bool) -> bool:
    facts = [(one.num_classes, one.split) for one in (then, now)]
    close = all(
        map(math.isclose, [*then.mean, *then.std], [*now.mean, *now.std])
    )  # sums may be rounded otherwise
    if (
        facts[0] != facts[1]
        or len(then.mean) != len(now.mean)
        or not close
        or then.has_other_test(now.test_content)
    ):
        return False
    for part, recorded in then.parts.items():
        found = now.parts.get(part)
        if found is None or found.listed != recorded.listed or (pixels and found.pixels != recorded.pixels):
            return False
    return True
