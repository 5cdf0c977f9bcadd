"""What is held in memory, what in files, and what is refused."""

from __future__ import annotations

import pytest

from lcsearch import data
from lcsearch.core import room as rooms
from lcsearch.core.errors import InputError
from lcsearch.core.room import Room, bytes_words
from lcsearch.data import split
from lcsearch.data.holding import check_batch

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


def test_a_set_that_cannot_be_decoded_bit_by_bit_is_held_as_far_as_the_machine_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(digits(Room(memory=1)).train) == 300
    monkeypatch.setattr(split, "_memory_bytes", lambda: 2 * DIGITS)
    assert not digits(Room(memory=1)).streamed
    monkeypatch.setattr(split, "_memory_bytes", lambda: 2 * DIGITS - 2)
    with pytest.raises(InputError, match="360 decoded images of digits need"):
        digits(Room(memory=1))


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
