from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, TensorDataset

from lcsearch import data
from lcsearch.core.errors import InputError

Make = Callable[..., Any]
_numbers = itertools.count()


@pytest.fixture
def register() -> Iterator[Callable[[Make], str]]:
    """Puts a function where ``package.module:function`` finds it; gives that name."""
    added: list[str] = []

    def add(make: Make) -> str:
        module = ModuleType(f"users_module_{next(_numbers)}")
        module.make = make  # type: ignore[attr-defined]
        sys.modules[module.__name__] = module
        added.append(module.__name__)
        return f"{module.__name__}:make"

    yield add
    for name in added:
        del sys.modules[name]


def pixels(n: int, *shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8))


LABELS = torch.arange(20) % 4
PAIR = (pixels(20, 3, 12, 12), LABELS)
SMALL = (pixels(8, 3, 12, 12, seed=1), torch.arange(8) % 4)


def as_rows(*splits: data.Split) -> list[bytes]:
    return sorted(image.numpy().tobytes() for split in splits for image in split.images)


def load_test(name: str) -> data.Split:
    with data.final_evaluation():
        return data.test_split(name)


class Items(Dataset[Any]):
    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def test_a_pair_of_tensors(register: Callable[[Make], str]) -> None:
    name = register(lambda: (PAIR, SMALL))
    loaded = data.load(name)
    assert (len(loaded.train), len(loaded.validation)) == (16, 4)
    assert as_rows(loaded.train, loaded.validation) == sorted(i.numpy().tobytes() for i in PAIR[0])
    info = loaded.info
    assert (info.num_classes, info.in_channels, info.image_size, info.flip) == (4, 3, 12, False)
    np.testing.assert_allclose(info.mean, PAIR[0].numpy().mean((0, 2, 3)) / 255)
    np.testing.assert_allclose(info.std, PAIR[0].numpy().std((0, 2, 3)) / 255)
    tested = load_test(name)
    assert torch.equal(tested.images, SMALL[0]) and torch.equal(tested.labels, SMALL[1])


def same_images(kind: str) -> Any:
    images, labels = PAIR
    tall = [image.permute(1, 2, 0).numpy() for image in images]
    return {
        "floats": (images / 255, labels),
        "doubles": (images.double() / 255, labels.int()),
        "arrays": (images.numpy(), labels.numpy()),
        "tensor data set": TensorDataset(images, labels),
        "float data set": TensorDataset(images / 255, labels),
        "pictures": Items(*((Image.fromarray(t), int(y)) for t, y in zip(tall, labels, strict=True))),
        "list": list(zip(images, labels.tolist(), strict=True)),
        "list items": Items(*([x, y] for x, y in zip(images.numpy(), labels.numpy(), strict=True))),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    ["floats", "doubles", "arrays", "tensor data set", "float data set", "pictures", "list", "list items"],
)
def test_every_way_to_give_images_is_the_same(register: Callable[[Make], str], kind: str) -> None:
    expected = data.load(register(lambda: (PAIR, SMALL)))
    got = data.load(register(lambda: [same_images(kind), SMALL]))
    assert torch.equal(got.train.images, expected.train.images) and got.train.images.dtype == torch.uint8
    assert torch.equal(got.train.labels, expected.train.labels) and got.train.labels.dtype == torch.int64
    assert got.info.mean == expected.info.mean


def test_floats_become_the_nearest_bytes(register: Callable[[Make], str]) -> None:
    values = torch.tensor([0.0, 0.4, 0.6, 254.6]) / 255
    images = values.repeat(5).view(20, 1, 1, 1).expand(20, 1, 9, 9)
    loaded = data.load(register(lambda: ((images, LABELS), SMALL)))
    found = {int(y): int(x[0, 0, 0]) for x, y in zip(loaded.train.images, loaded.train.labels, strict=True)}
    assert found == {0: 0, 1: 0, 2: 1, 3: 255}


@pytest.mark.parametrize("shape", [(12, 12), (1, 12, 12)])
def test_grey_images_may_lack_the_channel(register: Callable[[Make], str], shape: tuple[int, ...]) -> None:
    images = pixels(20, *shape)
    for train in ((images, LABELS), TensorDataset(images, LABELS)):
        loaded = data.load(register(lambda train=train: (train, SMALL)))
        assert loaded.info.in_channels == 1 and loaded.train.images.shape == (16, 1, 12, 12)


def test_grey_pictures(register: Callable[[Make], str]) -> None:
    items = Items(*((Image.fromarray(x.numpy()), y) for x, y in zip(pixels(20, 9, 9), LABELS, strict=True)))
    assert data.load(register(lambda: (items, SMALL))).train.images.shape == (16, 1, 9, 9)


def test_image_size_resizes_them(register: Callable[[Make], str]) -> None:
    loaded = data.load(register(lambda: (PAIR, SMALL)), image_size=24)
    assert loaded.train.images.shape == (16, 3, 24, 24) and loaded.info.image_size == 24


def test_the_function_gets_the_data_dir_if_it_wants_it(
    register: Callable[[Make], str], tmp_path: Path
) -> None:
    given: list[object] = []

    def make(data_dir: object, other: int = 3) -> Any:
        given.append(data_dir)
        return PAIR, SMALL

    data.load(register(make), data_dir=tmp_path)
    assert given == [tmp_path]


def test_a_module_in_the_current_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users_own_data.py").write_text(
        "import torch\ndef make():\n    x = torch.zeros(20, 1, 8, 8); y = torch.arange(20) % 2\n"
        "    return (x, y), (x, y)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    assert data.load("users_own_data:make").info.num_classes == 2


def test_loading_never_touches_the_test_data_set(register: Callable[[Make], str]) -> None:
    class Untouchable(Dataset[Any]):
        def __len__(self) -> int:
            raise AssertionError("touched")

        def __getitem__(self, index: int) -> Any:
            raise AssertionError("touched")

    assert len(data.load(register(lambda: (PAIR, Untouchable()))).train) == 16


def broken() -> Any:
    raise KeyError("no\nfile")


def images_of(shape: tuple[int, ...], n: int = 20) -> Any:
    return lambda: ((pixels(n, *shape), LABELS), SMALL)


def items(*given: Any) -> Make:
    return lambda: (Items(*given), SMALL)


GOOD = (pixels(1, 3, 12, 12)[0], 0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (broken, "the function raised KeyError: 'no\\nfile'"),
        (lambda: PAIR[0], "returned a Tensor; expected a pair (train, test)"),
        (lambda: (PAIR, SMALL, SMALL), "returned a tuple of 3"),
        (lambda: None, "returned a NoneType"),
        (lambda: (3, SMALL), "train: an int; expected a torch.utils.data.Dataset"),
        (images_of((3, 12, 10)), "has shape (3, 12, 10); expected (channels, size, size)"),
        (images_of((12, 12, 3)), "has shape (12, 12, 3); expected (channels, size, size)"),
        (images_of(()), "images of shape (20,); expected (n, channels, size, size)"),
        (images_of((3, 12, 12), 19), "labels of shape (20,); expected one for each of 19 images"),
        (lambda: ((PAIR[0].int(), LABELS), SMALL), "pixels of type torch.int32; expected uint8 or floats"),
        (lambda: ((PAIR[0].float(), LABELS), SMALL), "float pixels from 0 to 255; expected 0 to 1"),
        (lambda: ((PAIR[0] / 255 - 0.5, LABELS), SMALL), "return images before normalisation"),
        (lambda: ((PAIR[0] * float("nan"), LABELS), SMALL), "float pixels from nan"),
        (lambda: ((PAIR[0], LABELS.float()), SMALL), "labels are floats"),
        (lambda: ((PAIR[0], LABELS - 1), SMALL), "label -1; labels are whole numbers from 0"),
        (lambda: ((PAIR[0], LABELS * 0), SMALL), "all labels are 0"),
        (items(), "no images"),
        (items(3), "image 0: an int; expected a pair (image, label)"),
        (items(GOOD, (pixels(1, 3, 8, 8)[0], 1)), "image 1 has shape (3, 8, 8); expected (3, 12, 12)"),
        (items((pixels(1, 12, 12, 3)[0], 1)), "image 0 has shape (12, 12, 3)"),
        (items(("cat.png", 1)), "image 0"),
        (items((GOOD[0], "cat")), "image 0: label 'cat'; expected a whole number"),
        (items((GOOD[0], 0.5)), "image 0: label 0.5"),
        (items(*[GOOD, (GOOD[0], 1)]), "too few for 2 classes"),
    ],
)
def test_wrong_data_sets(register: Callable[[Make], str], make: Make, said: str) -> None:
    name = register(make)
    with pytest.raises(InputError) as caught:
        data.load(name)
    message = str(caught.value)
    assert said in message and name in message and "\n" not in message


def test_an_item_that_raises_is_named(register: Callable[[Make], str]) -> None:
    class Raising(Items):
        def __getitem__(self, index: int) -> Any:
            if index == 2:
                raise OSError("disk gone")
            return GOOD

    with pytest.raises(InputError, match="train: item 2 raised OSError: disk gone"):
        data.load(register(lambda: (Raising(1, 2, 3), SMALL)))


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ((pixels(8, 1, 12, 12), SMALL[1]), r"test.* has shape \(1, 12, 12\); expected \(3, 12, 12\)"),
        ((SMALL[0], SMALL[1] + 1), "test: label 4; train has labels 0 to 3"),
    ],
)
def test_a_test_data_set_that_does_not_fit(register: Callable[[Make], str], test: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_test(register(lambda: (PAIR, test)))


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ((pixels(8, 1, 12, 12), SMALL[1]), r"test has shape \(1, 12, 12\); expected \(3, 12, 12\)"),
        ((SMALL[0], SMALL[1] + 1), "test: label 4; train has labels 0 to 3"),
        ((SMALL[0], SMALL[1] - 1), "test: label -1"),
        ((SMALL[0], SMALL[1][:5]), r"test: labels of shape \(5,\)"),
        (Items(), "test: no images"),
        (7, "test: an int; expected a torch.utils.data.Dataset"),
    ],
)
def test_what_is_wrong_with_a_test_data_set_is_found_before(
    register: Callable[[Make], str], test: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        data.divide(register(lambda: (PAIR, test))).check_test()


def test_no_item_of_a_test_data_set_is_looked_at_before(register: Callable[[Make], str]) -> None:
    assert data.divide(register(lambda: (PAIR, Items(*"ab")))).check_test() == ()
    dark = SMALL[0].float() - 1000
    assert data.divide(register(lambda: (PAIR, (dark, SMALL[1])))).check_test() == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("json:no_such", "module 'json' has no 'no_such'"),
        ("json:laods", "did you mean 'loads'"),
        ("json:__name__", "'__name__' is a str, not a function"),
        ("json:", "not of the form"),
        (":make", "not of the form"),
    ],
)
def test_functions_that_cannot_be_found(name: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        data.load(name)
    assert said in str(caught.value) and name in str(caught.value)
