"""Data sets of a user's function that do not fit into memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from lcsearch import data
from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.room import Room
from lcsearch.data import Batches, streamed
from lcsearch.data.digest import seen_digest

NAME = "users_large_module:make"
LARGE = 1_000
"""Bytes of memory: less than the images below take."""


@dataclass
class Drawn:
    """Fifty images of 12 pixels and their labels; counts who is asked for."""

    seed: int = 0
    stop: int = 99
    noise: int = 0
    asked: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return 50

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        if index == self.stop:
            raise KeyboardInterrupt
        self.asked.append(index)
        drawn = np.random.default_rng(100 * self.seed + index + self.noise * len(self.asked))
        return drawn.integers(0, 256, (3, 12, 12), dtype=np.uint8), index % 4


@pytest.fixture
def train() -> Iterator[Drawn]:
    module = ModuleType("users_large_module")
    module.train = Drawn()  # type: ignore[attr-defined]
    module.make = lambda: (module.train, Drawn(seed=9))  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    yield module.train
    del sys.modules[module.__name__]


def load(cache: Path, memory: int = LARGE, size: int = 12) -> data.SearchData:
    return data.load(NAME, image_size=size, room=Room(memory, str(cache)))


@pytest.mark.parametrize("size", [12, 14, 20])
def test_they_are_the_same_in_files_as_in_memory(tmp_path: Path, train: Drawn, size: int) -> None:
    mapped, whole = load(tmp_path, size=size), load(tmp_path, 10**9, size)
    assert mapped.streamed and not whole.streamed
    assert (mapped.info, seen_digest(mapped)) == (whole.info, seen_digest(whole))
    with data.final_evaluation():
        ours, theirs = (
            data.test_split(NAME, image_size=size, room=Room(m, str(tmp_path))) for m in (1, 10**9)
        )
    assert ours.file is not None and torch.equal(ours.images, theirs.images)
    assert torch.equal(ours.labels, theirs.labels)


def test_items_are_decoded_once(tmp_path: Path, train: Drawn) -> None:
    load(tmp_path)
    train.asked.clear()
    load(tmp_path)
    assert set(train.asked) != set(range(50))  # a sample tells that they are the same
    for labels in tmp_path.glob("*.labels"):
        labels.unlink()
    assert load(tmp_path).train.labels.tolist() == load(tmp_path, 10**9).train.labels.tolist()


def test_a_kill_loses_neither_images_nor_labels(
    tmp_path: Path, train: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "_CHUNK_BYTES", 4 * 3 * 12 * 12)
    train.stop = 32  # none of those that a sample asks for
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path)
    assert list(tmp_path.glob("*.part"))
    train.stop = 99
    train.asked.clear()
    mapped = load(tmp_path)
    assert set(range(28, 50)) <= set(train.asked) and 27 not in train.asked
    assert seen_digest(mapped) == seen_digest(load(tmp_path, 10**9))


def test_other_images_are_decoded_anew_and_halt_a_training(tmp_path: Path, train: Drawn) -> None:
    mapped = load(tmp_path)
    batches = Batches(mapped.train, mapped.info, 8, augment=True)
    batches.epoch(torch.Generator())
    train.seed = 1
    with pytest.raises(HaltError, match=r"of users_large_module:make .train. have changed while"):
        batches.epoch(torch.Generator())
    assert seen_digest(load(tmp_path)) == seen_digest(load(tmp_path, 10**9))


def test_random_augmentation_is_refused(tmp_path: Path, train: Drawn) -> None:
    train.noise = 1
    with pytest.raises(InputError, match="train: an image is another one when it is asked for again"):
        load(tmp_path)


def test_a_pair_of_arrays_is_streamed_too(tmp_path: Path) -> None:
    module = ModuleType("users_large_module")
    pixels = np.random.default_rng(0).integers(0, 256, (50, 12, 12), dtype=np.uint8)
    module.make = lambda: ((pixels, np.arange(50) % 4), (pixels[:8], np.arange(8) % 4))  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        mapped, whole = load(tmp_path), load(tmp_path, 10**9)
        assert mapped.streamed and seen_digest(mapped) == seen_digest(whole)
