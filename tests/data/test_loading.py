from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from lcsearch import data
from lcsearch.core.errors import InputError


def rows(*splits: data.Split) -> list[bytes]:
    return [image.numpy().tobytes() for split in splits for image in split.images]


def digits_test(image_size: int | None = None) -> data.Split:
    with data.final_evaluation():
        return data.test_split("digits", image_size=image_size)


def test_names_are_the_files_of_the_package() -> None:
    assert data.names() == ["cifar10", "cifar100", "digits", "fashion-mnist", "mnist", "svhn"]
    for name in data.names():
        assert data.describe(name).name == name


def test_digits_are_all_of_scikit_learns_in_three_disjoint_parts() -> None:
    loaded = data.load("digits")
    parts = (loaded.train, loaded.validation, digits_test())
    assert [len(part) for part in parts] == [1150, 288, 359]
    grey = (load_digits().images * 255 / 16).round().astype(np.uint8)
    enlarged = [Image.fromarray(g).resize((32, 32), Image.Resampling.BILINEAR) for g in grey]
    expected = torch.from_numpy(np.stack([np.asarray(e) for e in enlarged])).float().flatten(1)
    got = torch.cat([part.images for part in parts]).float().flatten(1)
    nearest = torch.cdist(got, expected).argmin(dim=1)
    assert nearest.sort().values.tolist() == list(range(1797))
    assert (got - expected[nearest]).abs().max() <= 1
    labels = torch.cat([part.labels for part in parts])
    assert torch.equal(torch.from_numpy(load_digits().target)[nearest], labels)


def test_digits_facts() -> None:
    info = data.load("digits").info
    assert (info.num_classes, info.in_channels, info.image_size, info.crop, info.flip) == (
        10,
        1,
        32,
        4,
        False,
    )
    loaded = data.load("digits")
    pixels = torch.cat([loaded.train.images, loaded.validation.images]).double() / 255
    assert info.mean[0] == pytest.approx(float(pixels.mean()), abs=1e-4)
    assert info.std[0] == pytest.approx(float(pixels.std()), abs=1e-4)


def test_loading_twice_gives_the_same_whatever_the_seed() -> None:
    torch.manual_seed(1)
    first = data.load("digits", train_images=100)
    torch.manual_seed(2)
    again = data.load("digits", train_images=100)
    assert rows(first.train, first.validation) == rows(again.train, again.validation)


def test_fewer_training_images_are_a_subset_and_leave_validation_alone() -> None:
    few, many = (data.load("digits", train_images=n) for n in (100, 700))
    assert rows(few.train) == rows(many.train)[:100]
    assert rows(few.validation) == rows(many.validation) == rows(data.load("digits").validation)
    assert set(few.train.labels.bincount().tolist()) <= {9, 10, 11}


@pytest.mark.parametrize("validation", [1, 100, 1000])
def test_parts_stay_disjoint(validation: int) -> None:
    loaded = data.load("digits", validation_images=validation, train_images=200)
    train, held_out, tested = set(rows(loaded.train)), set(rows(loaded.validation)), set(rows(digits_test()))
    assert len(held_out) == validation
    assert not train & held_out and not train & tested and not held_out & tested


def test_image_size() -> None:
    loaded = data.load("digits", image_size=16)
    assert loaded.info.image_size == 16 and loaded.info.crop == 2
    assert loaded.train.images.shape == (1150, 1, 16, 16)
    assert digits_test(16).images.shape == (359, 1, 16, 16)


@pytest.mark.parametrize("size", [0, 7, -1, 513])
def test_image_size_out_of_range(size: int) -> None:
    with pytest.raises(InputError, match=f"--image-size {size}: 8 to 512"):
        data.load("digits", image_size=size)


def test_the_test_set_opens_only_for_the_final_evaluation() -> None:
    with pytest.raises(RuntimeError, match="final"):
        data.test_split("digits")
    with pytest.raises(ZeroDivisionError), data.final_evaluation():
        1 / 0  # noqa: B018
    with pytest.raises(RuntimeError, match="final"):
        data.test_split("digits")
    with data.final_evaluation():
        assert len(data.test_split("digits")) == 359


def test_loading_opens_no_test_file(
    tmp_path: Path, idx_files: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = idx_files.write_set(tmp_path / "set")
    opened: list[str] = []
    real_open = Path.open

    def spy(self: Path, *args: object, **kwargs: object) -> object:
        opened.append(self.name)
        return real_open(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", spy)
    data.load("fashion-mnist", data_dir=folder)
    assert any("train" in name for name in opened) and not any("t10k" in name for name in opened)
    with data.final_evaluation():
        tested = data.test_split("fashion-mnist", data_dir=folder)
    assert any("t10k" in name for name in opened)
    # The test part is whole and in the order of the file: pixel (0, 1) holds the place.
    assert tested.images[:, 0, 2, 3].tolist() == list(range(20)) and set(
        tested.images[:, 0, 2, 2].tolist()
    ) == {1}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fashion_mnist", "did you mean 'fashion-mnist'"),
        ("fashion-minst", "did you mean 'fashion-mnist'"),
        ("imagenet", "folder:PATH"),
        ("", "choose from"),
        ("folder:", "no such readable folder"),
        ("folder:/no/such", "folder:/no/such: no such readable folder"),
        ("no.such:function", "cannot import 'no.such'"),
        ("a b:c", "not of the form package.module:function"),
    ],
)
def test_names_that_are_none(name: str, said: str) -> None:
    calls: Iterable[object] = (data.load, data.describe, data.fetch)
    for call in calls:
        with pytest.raises(InputError) as caught:
            call(name)  # type: ignore[operator]
        assert (
            said in str(caught.value) and "--dataset" in str(caught.value) and "\n" not in str(caught.value)
        )


def test_a_data_dir_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for wrong in (tmp_path / "none", file):
        with pytest.raises(InputError, match=f"--data-dir {wrong}: no such folder"):
            data.load("fashion-mnist", data_dir=wrong)


def test_the_cache_follows_its_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert data.cache_dir() == tmp_path / "own"
    monkeypatch.delenv("LCSEARCH_CACHE")
    assert data.cache_dir() == tmp_path / "shared" / "lcsearch"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data.cache_dir() == tmp_path / ".cache" / "lcsearch"
