"""Fashion-MNIST (arXiv 1708.07747): 28x28 grey pictures of ten kinds of clothing."""

from __future__ import annotations

from pathlib import Path

from lcsearch.data import idx, places
from lcsearch.data.dataset import Source

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def _download(folder: Path) -> None:
    from torchvision.datasets import FashionMNIST

    FashionMNIST(folder, download=True)


SOURCE = Source(
    name="fashion-mnist",
    summary="28x28 grey pictures of clothing, padded to 32x32",
    num_classes=10,
    in_channels=1,
    image_size=32,
    mean=(0.2860,),
    std=(0.3530,),
    flip=True,
    train_images=60_000,
    test_images=10_000,
    places=lambda data_dir: places.usual_places("fashion-mnist", data_dir, DEBIAN),
    find=lambda place: idx.find_folder(place, "FashionMNIST/raw"),
    open=lambda folder, part: idx.open_part(folder, part, num_classes=10, size=28),
    download=_download,
    advice="put its four IDX files into --data-dir, or install Debian's package dataset-fashion-mnist",
)
