"""How the data sets lie and are read that torchvision fetches: CIFAR, SVHN, MNIST and its successors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from lcsearch.core.errors import InputError, Named, reason
from lcsearch.data.content import digest_of_files
from lcsearch.data.dataset import DataSet, Part, Raw
from lcsearch.data.pixels import from_arrays
from lcsearch.data.places import usual_places
from lcsearch.data.sets import _idx

DEBIAN = Path("/usr/share/datasets")
"""Where Debian's packages ``dataset-NAME`` put their files."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TorchvisionSet(DataSet):
    """A data set that torchvision fetches.

    Attributes:
        kind: Name of its class in ``torchvision.datasets``.
    """

    kind: str

    def places(self, data_dir: Path | None) -> list[Path]:
        """The user's folder, then the cache."""
        return usual_places(self.stored_as, data_dir)

    def download(self, folder: Path) -> None:
        """Have torchvision fetch and unpack the files."""
        self._make(folder, download=True)

    def _make(self, folder: Path, **options: Any) -> Any:
        from torchvision import datasets

        return getattr(datasets, self.kind)(folder, **options)

    def _opened(self, path: Path, folder: Path, **options: Any) -> Any:
        """Torchvision's own data set; ``path`` is named where its checksums or its content are wrong."""
        try:
            return self._make(folder, **options)
        except Exception as error:
            raise InputError(f"{path}: cut short or damaged ({reason(error)}); fetch it again") from error


@dataclass(frozen=True, kw_only=True, eq=False)
class Cifar(TorchvisionSet):
    """CIFAR, as the unpacked folder of its Python archive.

    Attributes:
        folder: The name of that folder.
    """

    in_channels: int = 3
    image_size: int = 32
    flip: bool = True
    train_images: int | None = 50_000
    test_images: int | None = 10_000
    folder: str

    @property
    def advice(self) -> tuple[str | Named, ...]:
        """Where to put the archive's folder."""
        return f"put the folder {self.folder} of its Python archive into ", Named("data_dir")

    def find(self, place: Path) -> Path | None:
        """The place itself, where the folder is in it."""
        return with_all(place, self.folder)

    def read(self, folder: Path, part: Part) -> Raw:
        """Read one part."""
        path = folder / self.folder
        data = self._opened(path, folder, train=part == "train")
        return _checked(self, path, data.data.transpose(0, 3, 1, 2), data.targets)

    def test_content(self, folder: Path) -> str:
        """That of the files of the test part."""
        from torchvision import datasets

        names = [name for name, _ in getattr(datasets, self.kind).test_list]
        return digest_of_files(folder / self.folder / name for name in names)


@dataclass(frozen=True, kw_only=True, eq=False)
class Svhn(TorchvisionSet):
    """SVHN, as one Matlab file a part."""

    FILES: ClassVar[dict[Part, str]] = {"train": "train_32x32.mat", "test": "test_32x32.mat"}

    kind: str = "SVHN"
    in_channels: int = 3
    image_size: int = 32
    flip: bool = False

    @property
    def advice(self) -> tuple[str | Named, ...]:
        """Where to put the two files."""
        return f"put {' and '.join(self.FILES.values())} into ", Named("data_dir")

    def find(self, place: Path) -> Path | None:
        """The place itself, where both files are in it."""
        return with_all(place, *self.FILES.values())

    def read(self, folder: Path, part: Part) -> Raw:
        """Read one part."""
        path = folder / self.FILES[part]
        data = self._opened(path, folder, split=part)
        return _checked(self, path, data.data, data.labels)

    def test_content(self, folder: Path) -> str:
        """That of the test part's file."""
        return digest_of_files([folder / self.FILES["test"]])

    def download(self, folder: Path) -> None:
        """Fetch both files."""
        for part in self.FILES:
            self._make(folder, split=part, download=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mnist(TorchvisionSet):
    """MNIST or a successor of the same form, as four IDX files.

    Attributes:
        in_debian: Whether a package of Debian has them.
    """

    num_classes: int = 10
    in_channels: int = 1
    image_size: int = 32
    train_images: int | None = 60_000
    test_images: int | None = 10_000
    in_debian: bool = False

    @property
    def advice(self) -> tuple[str | Named, ...]:
        """Where to put the four files, and who else has them."""
        package = f", or install Debian's package dataset-{self.name}" if self.in_debian else ""
        return "put its four IDX files into ", Named("data_dir"), package

    def places(self, data_dir: Path | None) -> list[Path]:
        """The user's folder, then Debian's where it has one, then the cache."""
        return usual_places(self.stored_as, data_dir, *([DEBIAN / self.name] if self.in_debian else []))

    def find(self, place: Path) -> Path | None:
        """The folder with the four files: the place itself, or where torchvision puts them in it."""
        return _idx.find_folder(place, f"{self.kind}/raw")

    def read(self, folder: Path, part: Part) -> Raw:
        """Read one part, plain or gzipped."""
        return _idx.read_part(folder, part, num_classes=self.num_classes)

    def test_content(self, folder: Path) -> str:
        """That of the test part's two files."""
        return digest_of_files(_idx.part_files(folder, "test"))


def with_all(place: Path, *entries: str) -> Path | None:
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


def _checked(data_set: DataSet, path: Path, images: Any, labels: Any) -> Raw:
    expected = (data_set.in_channels, data_set.image_size, data_set.image_size)
    if images.shape[1:] != expected:
        raise InputError(f"{path}: images of shape {tuple(images.shape[1:])}; expected {expected}")
    of_image = torch.as_tensor(np.asarray(labels), dtype=torch.int64)
    if len(of_image) != len(images):
        raise InputError(f"{path}: {len(of_image):,} labels for {len(images):,} images")
    if len(of_image) == 0 or int(of_image.min()) < 0 or int(of_image.max()) >= data_set.num_classes:
        raise InputError(f"{path}: labels must run from 0 to {data_set.num_classes - 1}")
    return from_arrays(torch.from_numpy(np.asarray(images)), of_image)
