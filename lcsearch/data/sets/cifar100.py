"""CIFAR-100: 32x32 colour photographs of a hundred kinds of things."""

from __future__ import annotations

from pathlib import Path

from lcsearch.data import places
from lcsearch.data.dataset import Part, Raw, Source
from lcsearch.data.torchvision_sets import find_entry, read_cifar

_FOLDER = "cifar-100-python"


def _open(folder: Path, part: Part) -> Raw:
    from torchvision.datasets import CIFAR100

    return read_cifar(lambda: CIFAR100(folder, train=part == "train"), folder / _FOLDER, 100)


def _download(folder: Path) -> None:
    from torchvision.datasets import CIFAR100

    CIFAR100(folder, download=True)


SOURCE = Source(
    name="cifar100",
    summary="32x32 colour photographs of a hundred kinds of things",
    num_classes=100,
    in_channels=3,
    image_size=32,
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
    flip=True,
    train_images=50_000,
    test_images=10_000,
    places=lambda data_dir: places.usual_places("cifar100", data_dir),
    find=lambda place: find_entry(place, _FOLDER),
    open=_open,
    download=_download,
    advice=f"unpack its Python archive into --data-dir, as the folder {_FOLDER}",
)
