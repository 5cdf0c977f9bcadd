"""What is held in memory, what in files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lcsearch import data
from lcsearch.core import room as rooms
from lcsearch.core.errors import InputError
from lcsearch.core.room import Room, bytes_words
from lcsearch.data import DataSet, Raw, from_arrays, split
from lcsearch.data.chosen import Chosen
from lcsearch.data.holding import check_batch, held

DIGITS = 360 * 8 * 8
"""Bytes of 300 training and 60 validation images of 8 pixels."""


def digits(room: Room) -> data.SearchData:
    return data.load("digits", train_images=300, validation_images=60, image_size=8, room=room)


def test_half_of_what_is_free_is_for_images_unless_somebody_says_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooms, "free_memory", lambda: 1001)
    assert [Room().holds(needed) for needed in (500, 501)] == [True, False]
    assert [Room(memory=700).holds(needed) for needed in (700, 701)] == [True, False]


def test_the_system_says_what_is_free() -> None:
    all_there_is = split._memory_bytes()
    assert 1_000_000 < rooms.free_memory() <= all_there_is


def test_a_set_by_name_that_does_not_fit_is_the_same_in_files(tmp_path: Path) -> None:
    for fits, memory in ((True, DIGITS), (False, DIGITS - 1)):
        found, whole = digits(Room(memory, str(tmp_path))), digits(Room(10**9))
        assert found.streamed != fits
        for part in ("train", "validation"):
            ours, theirs = getattr(found, part), getattr(whole, part)
            assert torch.equal(ours.images, theirs.images) and torch.equal(ours.labels, theirs.labels)
    assert len(list(tmp_path.glob("*.npy"))) == 2


@pytest.mark.parametrize("says", [True, False])
def test_other_images_behind_the_same_numbers_are_decoded_anew(
    tmp_path: Path, says: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A set says what its images are made of, or 32 of them do."""
    images = torch.arange(100, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    labels = torch.arange(100) % 2
    for change in (0, 0, 100):
        raw = from_arrays(images + change, labels)
        part = Chosen(raw if says else Raw(labels, raw.take), torch.arange(99, -1, -1))
        [found] = held(data_set(), [part], 8, Room(1, str(tmp_path)))
        assert found.file is not None and torch.equal(found.images, (images + change).flip(0))
        assert torch.equal(found.labels, labels.flip(0))
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0].split(",")[0] for line in said] == [
        "decoding 100 images of mine",
        "the images of mine have changed since",
        "decoding 100 images of mine",
    ]


def data_set() -> DataSet:
    """Says no more of images than their size."""

    class Mine(DataSet):
        def read(self, folder: Path, part: str) -> Raw:
            raise NotImplementedError

    return Mine(
        name="mine", summary="", num_classes=2, in_channels=1, image_size=8, mean=(0,), std=(1,), flip=False
    )


def test_less_memory_than_a_batch_takes_is_refused() -> None:
    batch = 4 * 64 * 3 * 224 * 224
    check_batch(Room(memory=batch), 64, (3, 224, 224))
    check_batch(Room(), 64, (3, 224, 224))
    with pytest.raises(InputError) as caught:
        check_batch(Room(memory=batch - 1), 64, (3, 224, 224))
    assert str(caught.value) == (
        f"data_memory={batch - 1}: a batch of 64 images of 224 x 224 pixels takes 38.5 MB"
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (24_576, "24.6 kB"),
        (500, "0.5 kB"),
        (38_535_168, "38.5 MB"),
        (999_949_999, "999.9 MB"),
        (15e9, "15.0 GB"),
    ],
)
def test_sizes_in_words(size: float, words: str) -> None:
    assert bytes_words(size) == words
