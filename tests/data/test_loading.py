from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from idx_files import write_set
from plugin_files import installed

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
        described = data.describe(name)
        assert described.name == name and described.problem is None


STRIPES = """
from dataclasses import dataclass
import torch
from lcsearch.data import DataSet, from_arrays

@dataclass(frozen=True, kw_only=True, eq=False)
class Stripes(DataSet):
    def read(self, folder, part):
        labels = torch.arange(60 if part == "train" else 20) % 2
        pixels = torch.eye(8, dtype=torch.uint8)[:2].mul(255)[labels]
        return from_arrays(pixels.view(-1, 1, 1, 8).expand(-1, 1, 8, 8).contiguous(), labels)

STRIPES = Stripes(
    summary="stripes", num_classes=2, in_channels=1, image_size=8, mean=(0.125,), std=(0.33,), flip=False
)
"""


def test_other_peoples_data_sets_are_found_by_the_name_of_their_entry_point(tmp_path: Path) -> None:
    entries = {"lcsearch.data_sets": {"two-stripes": "stripes:STRIPES", "broken": "no_such_module:X"}}
    with installed(tmp_path, "stripes", "0.1", entries, {"stripes": STRIPES}):
        assert {"two-stripes", "broken", "digits"} < set(data.names())
        loaded = data.load("two-stripes", train_images=40)
        assert loaded.info.name == "two-stripes" and len(loaded.train) == 40
        assert torch.equal(loaded.train.images[:, 0, 0].argmax(1), loaded.train.labels)
        with data.final_evaluation():
            assert len(data.test_split("two-stripes")) == 20
        broken = data.describe("broken")
        assert broken.problem is not None and "'broken' (stripes 0.1) does not load" in broken.problem
        assert data.describe("two-stripes").found == "."
        with pytest.raises(InputError, match="did you mean 'two-stripes'"):
            data.load("two-strips")


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


@pytest.mark.parametrize("size", [8, 512])
def test_the_smallest_and_the_largest_image_size(size: int) -> None:
    loaded = data.load("digits", image_size=size, train_images=10, validation_images=1)
    assert loaded.train.images.shape == (10, 1, size, size)


@pytest.mark.parametrize("size", [0, 7, -1, 513])
def test_image_size_out_of_range(size: int) -> None:
    with pytest.raises(InputError, match=f"image_size={size}: 8 to 512"):
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


def test_loading_opens_no_test_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_set(tmp_path / "set")
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
        ("folder:/no/such", "folder:/no/such': no such readable folder"),
        ("no.such:function", "cannot import 'no.such'"),
        ("a b:c", "not of the form package.module:function"),
    ],
)
def test_names_that_are_none(name: str, said: str) -> None:
    calls: Iterable[Callable[..., object]] = (data.load, data.describe, data.fetch)
    for call in calls:
        with pytest.raises(InputError) as caught:
            call(name)
        message = str(caught.value)
        assert said in message and "dataset" in message and "\n" not in message


def test_a_data_dir_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    calls: Iterable[Callable[..., object]] = (data.load, data.describe, data.fetch)
    for call, wrong in itertools.product(calls, ("none", "file")):
        with pytest.raises(InputError, match=f"^data_dir='{tmp_path / wrong}': no such folder$"):
            call("digits", data_dir=tmp_path / wrong)
