"""CIFAR and SVHN, on archives made here: torchvision's checksums are replaced by those of the made files."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from torchvision.datasets import CIFAR10, CIFAR100, SVHN

from lcsearch import data
from lcsearch.core.errors import InputError

COUNT = 200


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, 3, 32, 32), dtype=np.uint8)


@pytest.fixture(params=["cifar10", "cifar100"])
def cifar(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    kind = CIFAR10 if request.param == "cifar10" else CIFAR100
    classes, key = (10, "labels") if kind is CIFAR10 else (100, "fine_labels")
    folder = tmp_path / kind.base_folder
    folder.mkdir()

    def write(name: str, content: object) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, md5(folder / name)]

    labels = [i % classes for i in range(COUNT)]
    part = {"data": images().reshape(COUNT, -1), key: labels}
    names = {kind.meta["key"]: [str(k) for k in range(classes)]}
    meta = write(kind.meta["filename"], names)
    monkeypatch.setattr(kind, "train_list", [write("train", part)])
    monkeypatch.setattr(kind, "test_list", [write("test", part)])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": meta[1]})
    return request.param


def check(loaded: data.SearchData, classes: int) -> None:
    assert loaded.info.num_classes == classes and loaded.info.in_channels == 3
    got = torch.cat([loaded.train.images, loaded.validation.images])
    labels = torch.cat([loaded.train.labels, loaded.validation.labels])
    expected = {image.tobytes(): i % classes for i, image in enumerate(images())}
    assert {x.numpy().tobytes(): int(y) for x, y in zip(got, labels, strict=True)} == expected


def test_cifar(cifar: str, tmp_path: Path) -> None:
    check(data.load(cifar, data_dir=tmp_path), 10 if cifar == "cifar10" else 100)
    assert data.describe(cifar, data_dir=tmp_path).found == str(tmp_path)


def test_damaged_cifar_is_named(cifar: str, tmp_path: Path) -> None:
    cut = next(tmp_path.glob("cifar*/train"))
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(InputError, match=f"{cut.parent}: cut short or damaged") as caught:
        data.load(cifar, data_dir=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.fixture
def svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # In the published files the digit 0 has label 10.
    labels = np.array([i % 10 or 10 for i in range(COUNT)], dtype=np.uint8)[:, None]
    files = {}
    for part in ("train", "test"):
        path = tmp_path / f"{part}_32x32.mat"
        scipy.io.savemat(path, {"X": images().transpose(2, 3, 1, 0), "y": labels})
        files[part] = ["", path.name, md5(path)]
    monkeypatch.setattr(SVHN, "split_list", files)
    return tmp_path


def test_svhn(svhn: Path) -> None:
    check(data.load("svhn", data_dir=svhn), 10)
    with data.final_evaluation():
        assert len(data.test_split("svhn", data_dir=svhn)) == COUNT


def test_damaged_svhn_is_named(svhn: Path) -> None:
    cut = svhn / "train_32x32.mat"
    cut.write_bytes(cut.read_bytes()[:1000])
    with pytest.raises(InputError, match=f"{cut}: cut short or damaged"):
        data.load("svhn", data_dir=svhn)


def test_half_of_svhn_is_named(svhn: Path) -> None:
    (svhn / "test_32x32.mat").unlink()
    with pytest.raises(InputError, match=r"test_32x32.mat: missing"):
        data.load("svhn", data_dir=svhn)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100", "svhn"])
def test_nowhere_to_be_had(name: str, cache: Path, no_network: None) -> None:
    with pytest.raises(InputError) as caught:
        data.load(name)
    said = str(caught.value)
    assert str(cache) in said and "data_dir" in said and "dataset='digits'" in said and "\n" not in said
    assert list(cache.iterdir()) == []
