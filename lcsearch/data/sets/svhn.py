"""SVHN: 32x32 colour photographs of house numbers, cropped to one digit."""

from __future__ import annotations

from pathlib import Path

from lcsearch.data import places
from lcsearch.data.dataset import Part, Raw, Source
from lcsearch.data.torchvision_sets import find_entry, read_svhn

_FILES: dict[Part, str] = {"train": "train_32x32.mat", "test": "test_32x32.mat"}


def _open(folder: Path, part: Part) -> Raw:
    from torchvision.datasets import SVHN

    return read_svhn(lambda: SVHN(folder, split=part), folder / _FILES[part])


def _download(folder: Path) -> None:
    from torchvision.datasets import SVHN

    for part in _FILES:
        SVHN(folder, split=part, download=True)


SOURCE = Source(
    name="svhn",
    summary="32x32 colour photographs of house-number digits",
    num_classes=10,
    in_channels=3,
    image_size=32,
    mean=(0.4377, 0.4438, 0.4728),
    std=(0.1980, 0.2010, 0.1970),
    flip=False,
    train_images=73_257,
    test_images=26_032,
    places=lambda data_dir: places.usual_places("svhn", data_dir),
    find=lambda place: find_entry(place, *_FILES.values()),
    open=_open,
    download=_download,
    advice=f"put {' and '.join(_FILES.values())} into --data-dir",
)
