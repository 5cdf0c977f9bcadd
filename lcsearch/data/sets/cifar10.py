"""CIFAR-10: 32x32 colour photographs of ten kinds of things."""

from __future__ import annotations

from pathlib import Path

from lcsearch.data import places
from lcsearch.data.dataset import Part, Raw, Source
from lcsearch.data.torchvision_sets import find_entry, read_cifar

_FOLDER = "cifar-10-batches-py"


def _open(folder: Path, part: Part) -> Raw:
    from torchvision.datasets import CIFAR10

    return read_cifar(lambda: CIFAR10(folder, train=part == "train"), folder / _FOLDER, 10)


def _download(folder: Path) -> None:
    from torchvision.datasets import CIFAR10

    CIFAR10(folder, download=True)


SOURCE = Source(
    name="cifar10",
    summary="32x32 colour photographs of ten kinds of things",
    num_classes=10,
    in_channels=3,
    image_size=32,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    flip=True,
    train_images=50_000,
    test_images=10_000,
    places=lambda data_dir: places.usual_places("cifar10", data_dir),
    find=lambda place: find_entry(place, _FOLDER),
    open=_open,
    download=_download,
    advice=f"unpack its Python archive into --data-dir, as the folder {_FOLDER}",
)
