"""What a data set is: its facts, its decoded splits, and where its images come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from torch import Tensor

from lcsearch.core.errors import InputError, Named
from lcsearch.core.normalisation import Normalisation
from lcsearch.data.streamed import ImageFile, Wanted

Part = Literal["train", "test"]

NOWHERE = Path()
"""Stands for the folder of a data set that lies in none."""


@dataclass(frozen=True)
class DatasetInfo:
    """What a model and its training must know of a data set.

    Attributes:
        name: What ``--dataset`` was given.
        num_classes: Labels run from 0 to ``num_classes - 1``.
        in_channels: Channels of an image.
        image_size: Height and width of an image, in pixels.
        mean: Mean per channel of pixel values in 0..1.
        std: Standard deviation per channel of pixel values in 0..1.
        flip: Whether a mirrored image is as good as the original.
        crop: Zero pixels added on each side before the random crop.
        classes: The name of each label, where it has one.
    """

    name: str
    num_classes: int
    in_channels: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flip: bool
    crop: int
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Split:
    """Decoded images and their labels.

    Attributes:
        images: uint8, (n, channels, height, width).
        labels: int64, (n,).
        file: Holds the images, which are mapped and not in memory; None where they are in memory.
    """

    images: Tensor
    labels: Tensor
    file: ImageFile | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class SearchData:
    """What a search may see of a data set: no test images.

    Attributes:
        info: Its facts.
        train: Images to train on.
        validation: Images to compare models on.
        left_out: What lies beside them and was not read, in a line each.
    """

    info: DatasetInfo
    train: Split
    validation: Split
    left_out: tuple[str, ...] = ()

    @property
    def streamed(self) -> bool:
        """Whether the images are in files and not in memory."""
        return self.train.file is not None

    def normalised(self, normalisation: Normalisation | None) -> SearchData:
        """The same images, which nets see in another way than the data set's own; None leaves them.

        Raises:
            InputError: It is for another number of channels.
        """
        if normalisation is None:
            return self
        channels, wanted = self.info.in_channels, len(normalisation.mean)
        if channels != wanted:
            raise InputError(f"is for {wanted} channels; the images of {self.info.name} have {channels}")
        return replace(self, info=replace(self.info, mean=normalisation.mean, std=normalisation.std))


@dataclass(frozen=True, eq=False)
class Listing:
    """What is known of images without looking at a pixel.

    Attributes:
        names: What each is called: its file's path inside the data set, or its place among the others.
        labels: Of each; -1 where it is not known.
        sizes: Bytes of each file; 0 where images are no files of their own.
    """

    names: tuple[str, ...]
    labels: tuple[int, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of_labels(cls, labels: Sequence[int]) -> Listing:
        """Images without names, in order."""
        return cls(tuple(map(str, range(len(labels)))), tuple(labels), (0,) * len(labels))


@dataclass(frozen=True, eq=False)
class Raw:
    """One part of a data set, not cut into splits yet.

    Attributes:
        labels: int64, (n,), in the order of the files.
        take: From int64 indices (k,) and an image size to uint8 images (k, channels, size, size).
        left_out: What lies beside the images and is not read, in a line each.
        files: The file of each image, by its path inside ``folder``; empty where images are no files.
        folder: The folder of the data set.
        validation: Which images the data set itself keeps for validation, int64 (m,); None where any may be.
        stream: From indices and an image size, as `take` has them, to what a file is to hold that is read bit
            by bit; None where `take`, a few images at a time, is as good.
        content: A digest of all that images are decoded from, which `stream` knows for itself; None where
            some of them, and their labels, must tell.
    """

    labels: Tensor
    take: Callable[[Tensor, int], Tensor]
    left_out: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    folder: Path = NOWHERE
    validation: Tensor | None = None
    stream: Callable[[Tensor, int], Wanted] | None = None
    content: Callable[[], str] | None = None

    def listing(self, indices: Tensor) -> Listing:
        """What is known of some images, int64 (k,), without their pixels.

        Raises:
            OSError: A file is gone.
        """
        places, labels = indices.tolist(), tuple(self.labels[indices].tolist())
        if not self.files:
            return Listing(tuple(map(str, places)), labels, (0,) * len(places))
        names = tuple(self.files[place] for place in places)
        return Listing(names, labels, tuple((self.folder / name).stat().st_size for name in names))


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSet(ABC):
    """A data set: its facts, where it lies and how it is read.

    Attributes:
        name: What ``--dataset`` takes; whoever finds the data set by a name fills it in.
        summary: One line for ``lcsearch datasets``.
        num_classes: Number of labels.
        in_channels: Channels of an image.
        image_size: Height and width unless the user asks for others, in pixels.
        mean: Mean per channel of pixel values in 0..1.
        std: Standard deviation per channel of pixel values in 0..1.
        flip: Whether a mirrored image is as good as the original.
        train_images: Images of the training part, validation included; None where only reading tells.
        test_images: Images of the test part; None where only reading tells.
        classes: The name of each label, where it has one.
    """

    name: str = ""
    summary: str
    num_classes: int
    in_channels: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flip: bool
    train_images: int | None = None
    test_images: int | None = None
    classes: tuple[str, ...] = ()

    @property
    def stored_as(self) -> str:
        """The folder of the cache that it is downloaded into."""
        return self.name.replace(":", "-")

    @property
    def advice(self) -> tuple[str | Named, ...]:
        """What to do when the files are nowhere, in pieces as an `InputError` takes them."""
        return "put its files into ", Named("data_dir")

    def places(self, data_dir: Path | None) -> list[Path]:
        """The folders to look in, best first, for the user's ``data_dir`` or None.

        By default the one of no name: the data set lies in no folder, and `read` knows where it comes from.
        """
        return [NOWHERE]

    def find(self, place: Path) -> Path | None:
        """From one of these folders to the one that holds the files, None where it does not.

        Raises:
            InputError: The data set is there, but incomplete.
        """
        return place

    @abstractmethod
    def read(self, folder: Path, part: Part) -> Raw:
        """Read one part from the folder that `find` gave.

        Raises:
            InputError: A file is damaged; names it.
        """

    def without_validation(self) -> Self:
        """The same without a validation part of its own: validation is cut from the training part."""
        return self

    def test_listing(self, folder: Path) -> Listing | None:
        """List the test part without looking at a pixel; None, the default, where only `read` knows it."""
        return None

    def test_content(self, folder: Path) -> str:
        """Digest of the bytes that hold the test part, where its images are no files of their own.

        `lcsearch.data.content` makes it; nothing is decoded. Empty, the default, where it is not known.

        Raises:
            InputError: A file is damaged; names it.
        """
        return ""

    def check_test(self, folder: Path) -> tuple[str, ...]:
        """Find what is wrong with the test part without looking at a pixel, as far as that goes.

        Returns:
            What lies beside its images and is not read, in a line each.

        Raises:
            InputError: It could not be read in the end.
        """
        return ()

    def pool(self, folder: Path) -> Raw | None:
        """All images, where the data set itself divides them into both parts; None where it does not."""
        return None

    @property
    def downloads(self) -> bool:
        """Whether the files can be fetched: so it is where a data set says how."""
        return type(self).download is not DataSet.download

    def download(self, folder: Path) -> None:  # noqa: B027 - a data set need not say how
        """Fetch the files into an empty folder."""

    def info(self, image_size: int) -> DatasetInfo:
        """The facts for images of this size; the crop moves an image by up to an eighth of it."""
        return DatasetInfo(
            name=self.name,
            num_classes=self.num_classes,
            in_channels=self.in_channels,
            image_size=image_size,
            mean=self.mean,
            std=self.std,
            flip=self.flip,
            crop=image_size // 8,
            classes=self.classes,
        )
