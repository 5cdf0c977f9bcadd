"""scikit-learn's 1,797 real handwritten digits, which need no download.

They have 8x8 pixels with values 0 to 16. They are scaled to 0..255 and enlarged to 32x32, bilinear with
pixel centres aligned to the grid (each pixel becomes a 4x4 patch with ramps between patches). A fixed
stratified fifth, 359 images, is the test part. Mean and deviation are those of the other 1,438, enlarged.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError
from lcsearch.data.content import digest_of_arrays
from lcsearch.data.dataset import DataSet, Part, Raw
from lcsearch.data.pixels import from_arrays, resize
from lcsearch.data.split import stratified_order

_TEST_IMAGES = 359
_SIZE = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Digits(DataSet):
    """scikit-learn's digits, in its own folder."""

    def places(self, data_dir: Path | None) -> list[Path]:
        """The folder of scikit-learn, which is not imported."""
        found = importlib.util.find_spec("sklearn")
        if found is None or found.origin is None:
            problem = "scikit-learn is not installed; pip install scikit-learn"
            raise InputError(problem, setting="dataset", value=self.name)
        return [Path(found.origin).parent]

    def read(self, folder: Path, part: Part) -> Raw:
        """Read one part of the fixed split."""
        images, labels = _part(folder, part)
        small = images.mul(255 / 16).round().to(torch.uint8).unsqueeze(1)
        return from_arrays(resize(small, _SIZE), labels)

    def test_content(self, folder: Path) -> str:
        """That of the test part's arrays, as scikit-learn has them."""
        return digest_of_arrays(_part(folder, "test"))


def _part(folder: Path, part: Part) -> tuple[Tensor, Tensor]:
    """Images, floats (n, 8, 8) from 0 to 16, and int64 labels (n,) of one part of the fixed split."""
    rows = _rows(folder)
    images, labels = torch.from_numpy(rows[:, :-1]).unflatten(1, (8, 8)), torch.from_numpy(rows[:, -1]).long()
    order = stratified_order(labels)
    chosen = order[:_TEST_IMAGES] if part == "test" else order[_TEST_IMAGES:]
    return images[chosen], labels[chosen]


def _rows(folder: Path) -> np.ndarray:
    """An image's 64 pixels and its label a row, as `load_digits` reads them from the same file.

    It is read here as long as it lies where it has always lain: importing scikit-learn takes a second of
    every process of a search.
    """
    file = folder / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.column_stack([digits.data, digits.target])


DATA_SET = Digits(
    summary="scikit-learn's 8x8 grey handwritten digits, enlarged to 32x32",
    num_classes=10,
    in_channels=1,
    image_size=_SIZE,
    mean=(0.3049,),
    std=(0.3233,),
    flip=False,
    train_images=1_438,
    test_images=_TEST_IMAGES,
)
