from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
import torch

from lcsearch.core import plugins
from lcsearch.data import DataSet
from lcsearch.data.dataset import Part, Raw
from lcsearch.data.pixels import from_arrays
from lcsearch.testing import check_data_set


@pytest.mark.parametrize("name", plugins.names(plugins.DATA_SET))
def test_ours_keep_the_contract(name: str) -> None:
    """Those that need files are read where the files are on this machine, and digits everywhere."""
    check_data_set(plugins.find(plugins.DATA_SET, name))


@dataclass(frozen=True, kw_only=True, eq=False)
class Noise(DataSet):
    """Grey noise, which tests break."""

    def read(self, folder: Path, part: Part) -> Raw:
        generator = torch.Generator().manual_seed(len(part))
        count = 90 if part == "train" else 30
        images = torch.randint(256, (count, 1, 16, 16), generator=generator).byte()
        return from_arrays(images, torch.arange(count) % self.num_classes)


NOISE = Noise(
    summary="grey noise", num_classes=3, in_channels=1, image_size=16, mean=(0.5,), std=(0.289,), flip=True,
    train_images=90, test_images=30,
)  # fmt: skip


def test_a_small_one_keeps_it() -> None:
    check_data_set(NOISE)


class Shuffled(Noise):
    def read(self, folder: Path, part: Part) -> Raw:
        raw = super().read(folder, part)
        order = torch.randperm(len(raw.labels))
        return Raw(raw.labels[order], lambda indices, size: raw.take(order[indices], size))


class Floats(Noise):
    def read(self, folder: Path, part: Part) -> Raw:
        raw = super().read(folder, part)
        return Raw(raw.labels, lambda indices, size: raw.take(indices, size).float())


class OneSize(Noise):
    def read(self, folder: Path, part: Part) -> Raw:
        raw = super().read(folder, part)
        return Raw(raw.labels, lambda indices, size: raw.take(indices, 16))


class Normalised(Noise):
    def read(self, folder: Path, part: Part) -> Raw:
        raw = super().read(folder, part)
        return Raw(raw.labels, lambda indices, size: raw.take(indices, size) // 2)


class WhiterTogether(Noise):
    def read(self, folder: Path, part: Part) -> Raw:
        raw = super().read(folder, part)
        return Raw(raw.labels, lambda indices, size: raw.take(indices, size) + len(indices))


@dataclass(frozen=True, kw_only=True, eq=False)
class Keeping(Noise):
    """Keeps some images for validation."""

    kept: tuple[int, ...]

    def read(self, folder: Path, part: Part) -> Raw:
        return replace(super().read(folder, part), validation=torch.tensor(self.kept, dtype=torch.int64))


class KeepingOthers(Noise):
    def read(self, folder: Path, part: Part) -> Raw:
        return replace(super().read(folder, part), validation=torch.randperm(90)[:30])


def keeping(*places: int) -> Keeping:
    return Keeping(**{field.name: getattr(NOISE, field.name) for field in fields(NOISE)}, kept=places)


def test_one_that_keeps_images_for_validation_keeps_it() -> None:
    check_data_set(keeping(*range(0, 90, 3)))


def facts(kind: type[Noise]) -> Noise:
    return kind(**{field.name: getattr(NOISE, field.name) for field in fields(NOISE)})


@pytest.mark.parametrize(
    ("data_set", "complaint"),
    [
        (facts(Shuffled), "read twice, the labels of train are in another order"),
        (facts(Floats), r"take\(\) gives torch.float32 .* expected uint8 \(64, 1, 16, 16\)"),
        (facts(OneSize), r"\(64, 1, 16, 16\) of train; expected uint8 \(64, 1, 8, 8\)"),
        (facts(Normalised), r"it says that mean is \(0.5,\); that of its training images is \[0.24"),
        (facts(WhiterTogether), "alone, an image of train is another than among others"),
        (facts(KeepingOthers), "read twice, its validation images are others"),
        *((keeping(*places), "validation names no image") for places in ((), (1, 1), (89, 90), range(90))),
        (replace(NOISE, train_images=100), "it says that train has 100 images, and reads 90"),
        (replace(NOISE, mean=(0.5, 0.5)), r"mean is \(0.5, 0.5\); expected a number for each of 1 channels"),
        (replace(NOISE, mean=(127.5,)), "of pixel values in 0..1"),
        (replace(NOISE, std=(0.0,)), "it must be above 0"),
        (replace(NOISE, summary="two\nlines"), "its summary is not one line"),
        (replace(NOISE, num_classes=1), "at least 2 are needed"),
    ],
)
def test_what_breaks_it_is_said(data_set: DataSet, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_data_set(data_set)
