"""Another test part is noticed where its images are no files of their own, and none of it is decoded."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from idx_files import write_set
from image_folders import make_folder
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.data.content import arrays_of, digest_of_arrays, digest_of_files
from lcsearch.data.image_list import write_image_list
from lcsearch.data.recorded import RecordedImages, Source, compare, record
from lcsearch.data.sets.digits import DATA_SET

CHANGED = "the content of the test part is another"


def noted(source: Source, file: Path) -> RecordedImages:
    division = data.divide(source.name, data_dir=source.data_dir, train_images=40, validation_images=20)
    images = record(division, division.decoded())
    write_image_list(file, images.lines)
    return RecordedImages(images.digest, file)


@pytest.fixture
def idx(tmp_path: Path) -> tuple[Path, Source, RecordedImages]:
    folder = write_set(tmp_path / "set")
    source = Source("mnist", str(folder), 40, 20, None)
    return folder, source, noted(source, tmp_path / "list")


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_one_other_byte_in_a_file_of_test_images(idx: tuple[Path, Source, RecordedImages], name: str) -> None:
    folder, source, recorded = idx
    content = bytearray(gzip.decompress((folder / name).read_bytes()))
    content[-1] ^= 1
    (folder / name).write_bytes(gzip.compress(content))
    changes = compare(recorded, source).changes
    assert changes is not None and str(changes) == CHANGED
    assert changes.left == "40 of 40 training and 20 of 20 validation images"


def test_the_same_test_images_packed_or_not(idx: tuple[Path, Source, RecordedImages]) -> None:
    folder, source, recorded = idx
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert compare(recorded, source).changes is None


def test_runs_that_recorded_nothing_of_the_test_part_go_on(
    idx: tuple[Path, Source, RecordedImages],
) -> None:
    folder, source, recorded = idx
    write_set(folder, seed=0)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"anything"))
    older = replace(recorded, digest=replace(recorded.digest, test_content=""))
    assert compare(older, source).changes is None


def test_a_damaged_file_of_test_images_is_named(idx: tuple[Path, Source, RecordedImages]) -> None:
    folder, source, recorded = idx
    path = folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=f"^{path}: damaged or not readable"):
        compare(recorded, source)
    with pytest.raises(InputError, match=r"none\.bin: damaged or not readable"):
        digest_of_files([folder / "none.bin"])


def test_digits_have_a_digest_of_their_test_images(tmp_path: Path) -> None:
    folder = DATA_SET.places(None)[0]
    then = DATA_SET.test_content(folder)
    assert then and DATA_SET.test_content(folder) == then
    file = Path("datasets/data/digits.csv.gz")
    rows = np.loadtxt(folder / file, delimiter=",")
    rows[:, 36] += 1
    (tmp_path / file.parent).mkdir(parents=True)
    np.savetxt(tmp_path / file, rows, delimiter=",")
    assert DATA_SET.test_content(tmp_path) != then


class Lazy(Dataset[Any]):
    """Knows its labels and files; its images must not be asked for."""

    def __init__(self, **known: Any) -> None:
        self.__dict__.update(known)

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("a test image was asked for")


def pixels() -> np.ndarray:
    return np.random.default_rng(4).random((6, 1, 9, 9)).astype(np.float32)


def labels(first: int = 0) -> list[int]:
    return [first, 1, 2, 0, 1, 2]


def changed_pixels() -> np.ndarray:
    other = pixels()
    other[5, 0, 8, 8] += 0.001
    return other


KINDS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "arrays": (lambda: (pixels(), labels()), lambda: (changed_pixels(), labels())),
    "tensors": (
        lambda: TensorDataset(torch.tensor(pixels()), torch.tensor(labels())),
        lambda: TensorDataset(torch.tensor(pixels()), torch.tensor(labels(1))),
    ),
    "targets": (lambda: Lazy(targets=labels()), lambda: Lazy(targets=labels(2))),
    "an array": (lambda: Lazy(data=pixels()), lambda: Lazy(data=changed_pixels())),
    "half of them": (
        lambda: Subset(Lazy(targets=labels()), [0, 1]),
        lambda: Subset(Lazy(targets=labels()), [0, 2]),
    ),
    "two sets": (
        lambda: ConcatDataset([Lazy(targets=labels()), Lazy(targets=labels())]),
        lambda: ConcatDataset([Lazy(targets=labels()), Lazy(targets=labels(1))]),
    ),
    "items": (
        lambda: list(zip(torch.tensor(pixels()), labels(), strict=True)),
        lambda: list(zip(torch.tensor(changed_pixels()), labels(), strict=True)),
    ),
}
TEST: list[Any] = []


def own() -> object:
    """A function of the user's; tests set its test data set."""
    random = np.random.default_rng(0)
    return (random.integers(0, 256, (70, 1, 9, 9), dtype=np.uint8), np.arange(70) % 3), TEST[0]


@pytest.mark.parametrize("kind", KINDS)
def test_another_test_data_set_of_the_users_own_is_noticed(kind: str, tmp_path: Path) -> None:
    then, now = KINDS[kind]
    source = Source(f"{__name__}:own", None, 40, 20, None)
    TEST[:] = [then()]
    recorded = noted(source, tmp_path / "list")
    TEST[:] = [then()]
    assert compare(recorded, source).changes is None
    TEST[:] = [now()]
    assert CHANGED in str(compare(recorded, source).changes)


def test_files_that_a_data_set_names_are_known_by_size(tmp_path: Path) -> None:
    files = sorted(make_folder(tmp_path / "toys", per_class=2).rglob("*.bmp"))
    known = Lazy(samples=[(str(path), 0) for path in files], transform=len, mean=(0.1, 0.2))
    then = digest_of_arrays(list(arrays_of(known)))
    assert then and digest_of_arrays(list(arrays_of(known))) == then
    Image.new("RGB", (3, 3)).save(files[2])
    assert digest_of_arrays(list(arrays_of(known))) != then


def test_what_is_no_row_an_image_is_not_taken() -> None:
    """A generator's state, say, is another one each time."""
    odd = Lazy(state=np.zeros(5), names=np.array(list("abcdef")), scalar=torch.tensor(1.0), x=[object()] * 6)
    assert list(arrays_of(odd)) == [] and digest_of_arrays([]) == ""
