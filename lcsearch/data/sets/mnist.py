"""MNIST: 28x28 grey handwritten digits."""

from __future__ import annotations

from pathlib import Path

from lcsearch.data import idx, places
from lcsearch.data.dataset import Source


def _download(folder: Path) -> None:
    from torchvision.datasets import MNIST

    MNIST(folder, download=True)


SOURCE = Source(
    name="mnist",
    summary="28x28 grey handwritten digits, padded to 32x32",
    num_classes=10,
    in_channels=1,
    image_size=32,
    mean=(0.1307,),
    std=(0.3081,),
    flip=False,
    train_images=60_000,
    test_images=10_000,
    places=lambda data_dir: places.usual_places("mnist", data_dir),
    find=lambda place: idx.find_folder(place, "MNIST/raw"),
    open=lambda folder, part: idx.open_part(folder, part, num_classes=10, size=28),
    download=_download,
    advice="put its four IDX files into --data-dir",
)
