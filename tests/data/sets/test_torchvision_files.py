"""Sets of torchvision whose images are files, on small ones made here in the form of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision.datasets.vision import VisionDataset

from lcsearch import data
from lcsearch.core.errors import HaltError
from lcsearch.core.room import Room
from lcsearch.data.loading import divide, undivided
from lcsearch.data.sets import _torchvision_private


def picture(path: Path, value: int, size: int = 64) -> None:
    """A picture of one colour, from which it can be told which one it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size, 3), value, np.uint8)).save(path)


def values(split: data.Split) -> list[int]:
    return split.images[:, 0, 0, 0].tolist()


@pytest.fixture
def eurosat(tmp_path: Path) -> Path:
    """Ten classes of ten pictures; the tens of a picture's value are its class."""
    for place in range(100):
        picture(tmp_path / "eurosat" / "2750" / f"class{place // 10}" / f"{place:02d}.png", place)
    return tmp_path


def test_a_set_without_parts_gets_a_fixed_fifth_as_test_part(eurosat: Path) -> None:
    loaded = data.load("torchvision:EuroSAT", data_dir=eurosat)
    with data.final_evaluation():
        test = data.test_split("torchvision:EuroSAT", data_dir=eurosat)
    assert test.labels.bincount().tolist() == [2] * 10
    every = [*values(loaded.train), *values(loaded.validation), *values(test)]
    assert sorted(every) == list(range(100))
    labels = torch.cat([loaded.train.labels, loaded.validation.labels, test.labels]).tolist()
    assert labels == [value // 10 for value in every]


def test_files_are_known_by_their_names(eurosat: Path) -> None:
    listings = divide("torchvision:EuroSAT", data_dir=eurosat).listings()
    names = sorted(name for listing in listings.values() for name in listing.names)
    assert names == [f"eurosat/2750/class{place // 10}/{place:02d}.png" for place in range(100)]
    assert set(listings) == {"train", "validation", "unused", "test"}


def assert_the_same_in_files(name: str, folder: Path, cache: Path, **more: Any) -> None:
    """Every part is what it is in memory, and no image is kept twice."""
    found = []
    for room in (Room(10**9), Room(1, str(cache))):
        loaded = data.load(name, data_dir=folder, room=room, **more)
        with data.final_evaluation():
            found.append(
                (loaded.train, loaded.validation, data.test_split(name, data_dir=folder, room=room, **more))
            )
    for whole, mapped in zip(*found, strict=True):
        assert whole.file is None and mapped.file is not None
        assert torch.equal(whole.images, mapped.images) and torch.equal(whole.labels, mapped.labels)
    assert len(list(cache.glob("*.npy"))) == 3


def test_a_set_larger_than_memory_is_the_same_in_files(
    eurosat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "kept"))
    assert_the_same_in_files("torchvision:EuroSAT", eurosat, tmp_path / "cache", image_size=8)
    assert len(list((tmp_path / "kept" / "folders").iterdir())) == 3  # what was decoded into memory


def write_dtd(folder: Path) -> None:
    labels = folder / "dtd" / "dtd" / "labels"
    labels.mkdir(parents=True)
    for start, part in ((0, "train"), (100, "val"), (200, "test")):
        lines = [f"class{i:02d}/{start + i}.png" for i in range(47)]
        (labels / f"{part}1.txt").write_text("\n".join(lines))
        for i, line in enumerate(lines):
            picture(folder / "dtd" / "dtd" / "images" / line, start + i, 8)


def test_its_own_validation_images_validate(tmp_path: Path) -> None:
    write_dtd(tmp_path)
    loaded = data.load("torchvision:DTD", data_dir=tmp_path, image_size=8)
    assert sorted(values(loaded.train)) == list(range(47))
    assert sorted(values(loaded.validation)) == list(range(100, 147))
    assert [value - 100 for value in values(loaded.validation)] == loaded.validation.labels.tolist()
    without = undivided("torchvision:DTD", data_dir=tmp_path, own_validation=False)
    assert without.unused.labels.tolist() == list(range(47))
    assert_the_same_in_files("torchvision:DTD", tmp_path, tmp_path / "cache", image_size=8)


@pytest.fixture
def gtsrb(tmp_path: Path) -> Path:
    folder = tmp_path / "gtsrb"
    lines = ["Filename;Width;ClassId"]
    for i in range(86):
        picture(folder / "GTSRB" / "Training" / f"{i % 43:05d}" / f"{i}.ppm", i, 32)
        picture(folder / "GTSRB" / "Final_Test" / "Images" / f"{i}.ppm", 100 + i, 32)
        lines.append(f"{i}.ppm;32;{i % 43}")
    (folder / "GT-final_test.csv").write_text("\n".join(lines))
    return tmp_path


def read_gtsrb(folder: Path) -> tuple[dict[int, int], list[int]]:
    loaded = data.load("torchvision:GTSRB", data_dir=folder)
    found = [*zip(values(loaded.train), loaded.train.labels.tolist(), strict=True)]
    found += zip(values(loaded.validation), loaded.validation.labels.tolist(), strict=True)
    with data.final_evaluation():
        test = data.test_split("torchvision:GTSRB", data_dir=folder)
    return dict(found), sorted(values(test))


def test_a_class_that_takes_no_loader_is_read_too(gtsrb: Path) -> None:
    expected = {i: i % 43 for i in range(86)}, list(range(100, 186))
    assert read_gtsrb(gtsrb) == expected
    assert "gtsrb/GTSRB/Training/00000/0.ppm" in divide("torchvision:GTSRB", data_dir=gtsrb).whole().files


def test_where_torchvision_hides_its_files_each_image_is_asked_for(
    gtsrb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = dict.fromkeys(_torchvision_private.WITHOUT_LOADER, lambda data_set: data_set._gone)
    monkeypatch.setattr(_torchvision_private, "WITHOUT_LOADER", gone)
    assert read_gtsrb(gtsrb) == ({i: i % 43 for i in range(86)}, list(range(100, 186)))
    assert_the_same_in_files("torchvision:GTSRB", gtsrb, gtsrb / "cache")
    again = data.load("torchvision:GTSRB", data_dir=gtsrb, room=Room(1, str(gtsrb / "cache")))
    again.train.file.check()
    picture(gtsrb / "gtsrb" / "GTSRB" / "Training" / "00000" / "0.ppm", 7, 32)
    with pytest.raises(
        HaltError, match=r"^the images of torchvision:GTSRB have changed while they were in use"
    ):
        again.train.file.check()


class Pets(VisionDataset):
    """A stand-in with the constructor and the private parts of torchvision's OxfordIIITPet."""

    def __init__(self, root: Path, split: str = "trainval") -> None:
        super().__init__(root)
        self._images = sorted((Path(root) / "oxford-iiit-pet" / "images").glob(f"{split}*"))
        self._labels = [int(path.stem.rpartition("_")[2]) for path in self._images]


Pets.__name__ = "OxfordIIITPet"


def test_pets_are_read_from_the_files_that_torchvision_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision.datasets, "OxfordIIITPet", Pets)
    (tmp_path / "oxford-iiit-pet" / "annotations").mkdir(parents=True)
    for split in ("trainval", "test"):
        for i in range(74):
            picture(tmp_path / "oxford-iiit-pet" / "images" / f"{split}{i:02d}_{i % 37}.png", i, 64)
    loaded = data.load("torchvision:OxfordIIITPet", data_dir=tmp_path)
    assert [value % 37 for value in values(loaded.train)] == loaded.train.labels.tolist()


def test_caltech_numbers_its_files_from_1(tmp_path: Path) -> None:
    for i in range(202):
        path = f"class{i % 101:03d}/image_{i // 101 + 1:04d}.jpg"
        picture(tmp_path / "caltech101" / "101_ObjectCategories" / path, i % 101, 64)
    (tmp_path / "caltech101" / "101_ObjectCategories" / "BACKGROUND_Google").mkdir()
    raw = divide("torchvision:Caltech101", data_dir=tmp_path, validation_images=1).whole()
    assert len(raw.files) == 162  # a fifth is the test part
    assert [f"class{label:03d}" for label in raw.labels.tolist()] == [Path(f).parts[2] for f in raw.files]


class Faces(VisionDataset):
    """A stand-in with the constructor of torchvision's FER2013."""

    def __init__(self, root: Path, split: str = "train") -> None:
        super().__init__(root)
        self.first = 0 if split == "train" else 100

    def __len__(self) -> int:
        return 70

    def __getitem__(self, place: int) -> tuple[Image.Image, int]:
        return Image.fromarray(np.full((48, 48), self.first + place, np.uint8)), place % 7


def test_images_that_only_an_item_gives_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision.datasets, "FER2013", Faces)
    (tmp_path / "fer2013").mkdir()
    loaded = data.load("torchvision:FER2013", data_dir=tmp_path)
    assert loaded.train.images.shape[1:] == (1, 48, 48)
    assert [value % 7 for value in values(loaded.train)] == loaded.train.labels.tolist()
    assert sorted([*values(loaded.train), *values(loaded.validation)]) == list(range(70))
