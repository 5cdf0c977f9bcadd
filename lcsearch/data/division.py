"""A data set divided into parts, of which nothing is decoded yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from lcsearch.core.room import USUAL, Room
from lcsearch.data.chosen import Chosen
from lcsearch.data.dataset import DataSet, Listing, Raw, SearchData
from lcsearch.data.holding import held
from lcsearch.data.split import divided


@dataclass(frozen=True, eq=False)
class Division:
    """Which images of a data set are for what.

    Attributes:
        data_set: The data set.
        folder: The folder that it was found in.
        size: Height and width of decoded images, in pixels.
        train: To train on.
        validation: To compare models on.
        unused: What neither takes of the images that both share.
        room: For decoded images.
    """

    data_set: DataSet
    folder: Path
    size: int
    train: Chosen
    validation: Chosen
    unused: Chosen
    room: Room = USUAL

    @classmethod
    def of(cls, data_set: DataSet, folder: Path, size: int, room: Room = USUAL) -> Division:
        """A data set of which every image is unused.

        Raises:
            InputError: It is damaged.
        """
        raw = data_set.read(folder, "train")
        every = torch.arange(len(raw.labels))
        train, validation, unused = (Chosen(raw, part) for part in (every[:0], every[:0], every))
        return cls(data_set, folder, size, train, validation, unused, room)

    def divided(self, train_images: int | None, validation_images: int | None) -> Division:
        """Divide all images anew, by the stratified order that they have.

        Args:
            train_images: Images to train on; None for all that validation leaves.
            validation_images: Images to validate on; None for its own part, else a fifth, at most 5,000.

        Raises:
            InputError: There are not that many.
        """
        raw, data_set = self.unused.raw, self.data_set
        places = divided(
            data_set.name, raw.labels, data_set.num_classes, train_images, validation_images, raw.validation
        )
        train, validation, unused = (Chosen(raw, part) for part in places)
        return replace(self, train=train, validation=validation, unused=unused)

    def with_train(self, images: int) -> Division:
        """Train on so many of the training images, the first ones."""
        more = self.train.indices[images:]
        return replace(
            self,
            train=Chosen(self.train.raw, self.train.indices[:images]),
            unused=Chosen(self.unused.raw, torch.cat([more, self.unused.indices])),
        )

    def decoded(self) -> SearchData:
        """Read the training and the validation images.

        Raises:
            InputError: A file is damaged, or there is no room for all of them.
        """
        train, validation = held(self.data_set, (self.train, self.validation), self.size, self.room)
        return SearchData(self.data_set.info(self.size), train, validation, self.train.raw.left_out)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Of a decoded image: (channels, height, width)."""
        return self.data_set.in_channels, self.size, self.size

    @property
    def own_validation(self) -> bool:
        """Whether the data set itself keeps images for validation."""
        return self.validation.raw.validation is not None

    def check_test(self) -> tuple[str, ...]:
        """As `DataSet.check_test`."""
        return self.data_set.check_test(self.folder)

    def listings(self) -> dict[str, Listing]:
        """Every part without its pixels; the test part where it can be listed so."""
        found = {name: getattr(self, name).listing() for name in ("train", "validation", "unused")}
        test = self.data_set.test_listing(self.folder)
        return found if test is None else found | {"test": test}

    def test_content(self) -> str:
        """As `DataSet.test_content`."""
        return self.data_set.test_content(self.folder)

    def whole(self) -> Raw:
        """All images that may be in the training or the validation part, however the set is divided."""
        pool = self.data_set.pool(self.folder)
        return self.train.raw if pool is None else pool
