"""Sets of torchvision by name, on small ones made here in the form in which each is published."""

from __future__ import annotations

import bz2
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from idx_files import image_bytes, label_bytes, write_set
from torchvision.datasets import STL10

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.data.loading import divide

RANDOM = np.random.default_rng(0)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def rows_of(loaded: data.SearchData) -> dict[bytes, int]:
    """Labels by pixels, of training and validation."""
    images = torch.cat([loaded.train.images, loaded.validation.images])
    labels = torch.cat([loaded.train.labels, loaded.validation.labels])
    return {image.numpy().tobytes(): int(label) for image, label in zip(images, labels, strict=True)}


def test_kmnist(tmp_path: Path) -> None:
    write_set(tmp_path / "KMNIST" / "raw", train=60, test=20)
    loaded = data.load("torchvision:KMNIST", data_dir=tmp_path)
    assert loaded.info.name == "torchvision:KMNIST" and loaded.info.in_channels == 1
    assert len(loaded.train) + len(loaded.validation) == 60
    assert data.describe("torchvision:kmnist", data_dir=tmp_path).found == str(tmp_path / "KMNIST" / "raw")


def write_emnist(folder: Path, labels: np.ndarray) -> np.ndarray:
    images = RANDOM.integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    raw = folder / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "test"):
        (raw / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(image_bytes(images))
        (raw / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(label_bytes(labels))
    return images


def test_letters_of_emnist_are_counted_from_0(tmp_path: Path) -> None:
    labels = np.arange(104) % 26 + 1
    images = write_emnist(tmp_path, labels)
    found = rows_of(data.load("torchvision:emnist,letters", data_dir=tmp_path, image_size=28))
    assert found == {x.tobytes(): int(y) - 1 for x, y in zip(images, labels, strict=True)}
    with data.final_evaluation():
        test = data.test_split("torchvision:EMNIST,letters", data_dir=tmp_path, image_size=28)
    assert test.labels.tolist() == (labels - 1).tolist()


def test_a_label_beyond_the_classes_is_said(tmp_path: Path) -> None:
    write_emnist(tmp_path, np.arange(104) % 27)
    with pytest.raises(InputError, match=r"EMNIST,letters': its labels are not 26 whole numbers from 1$"):
        data.load("torchvision:EMNIST,letters", data_dir=tmp_path)


def test_usps(tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 2, (60, 256)) * 2 - 1
    for name in ("usps.bz2", "usps.t.bz2"):
        lines = [
            f"{i % 10 + 1} " + " ".join(f"{place}:{value}" for place, value in enumerate(row, 1))
            for i, row in enumerate(pixels)
        ]
        (tmp_path / name).write_bytes(bz2.compress("\n".join(lines).encode()))
    expected = {(row > 0).astype(np.uint8).tobytes(): i % 10 for i, row in enumerate(pixels)}
    loaded = data.load("torchvision:USPS", data_dir=tmp_path, image_size=16)
    found = {np.frombuffer(x, np.uint8).clip(0, 1).tobytes(): y for x, y in rows_of(loaded).items()}
    assert found == expected
    assert data.load("torchvision:USPS", data_dir=tmp_path).info.image_size == 32


def test_another_test_part_of_an_array_is_noticed(tmp_path: Path) -> None:
    line = " ".join(f"{place}:1" for place in range(1, 257))
    for name in ("usps.bz2", "usps.t.bz2"):
        (tmp_path / name).write_bytes(
            bz2.compress("\n".join(f"{i % 10 + 1} {line}" for i in range(40)).encode())
        )
    before = divide("torchvision:USPS", data_dir=tmp_path).test_content()
    (tmp_path / "usps.t.bz2").write_bytes(
        bz2.compress("\n".join(f"{i % 10 + 1} {line}" for i in range(39)).encode())
    )
    assert before and before != divide("torchvision:USPS", data_dir=tmp_path).test_content()


def test_stl10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    images = RANDOM.integers(0, 256, (40, 3, 96, 96), dtype=np.uint8)
    labels = (np.arange(40) % 10 + 1).astype(np.uint8)
    content = {"X": images.transpose(0, 1, 3, 2), "y": labels}  # it is stored column by column
    for part in ("train", "test"):
        for what, array in content.items():
            array.tofile(folder / f"{part}_{what}.bin")
        listed = [[f"{part}_{what}.bin", md5(folder / f"{part}_{what}.bin")] for what in content]
        monkeypatch.setattr(STL10, f"{part}_list", listed)
    loaded = data.load("torchvision:STL10", data_dir=tmp_path)
    assert rows_of(loaded) == {x.tobytes(): int(y) - 1 for x, y in zip(images, labels, strict=True)}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torchvision:Flowers", r"no classification set 'Flowers'; did you mean 'Flowers102'\?$"),
        ("torchvision:CocoDetection", "no classification set 'CocoDetection'; "),
        ("torchvision:EMNIST", "EMNIST is divided in several ways; choose from EMNIST,balanced, EMNIST,by"),
    ],
)
def test_an_unknown_name_is_said(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        data.load(name)


def test_a_set_that_has_a_name_here_is_that_one() -> None:
    assert data.full_name("torchvision:cifar10") == "cifar10"
    assert data.full_name("torchvision:usps") == "torchvision:USPS"
    assert data.describe("torchvision:FashionMNIST").name == "fashion-mnist"


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "StanfordCars",
            "torchvision-StanfordCars; put stanford_cars, as torchvision has them, into data_dir$",
        ),
        (
            "USPS",
            r"and the download failed \(.*\); put usps.bz2 and usps.t.bz2, as torchvision .* data_dir, or",
        ),
        ("KMNIST", r"and the download failed \(.*\); put its four IDX files into data_dir, or"),
    ],
)
def test_a_set_that_is_nowhere_says_what_to_do(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(InputError, match=said) as caught:
        data.load(f"torchvision:{name}")
    assert "\n" not in str(caught.value)
