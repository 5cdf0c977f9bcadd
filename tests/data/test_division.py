"""Which images are for what, before any is decoded; drawn from small folders and arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcsearch.data.loading import divide

LABELS = np.arange(30) % 3


def made() -> object:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 10, 10), dtype=np.uint8)
    return (images, LABELS), (images[:6], LABELS[:6])


def images_in(folder: Path, number: int) -> Path:
    folder.mkdir(parents=True)
    for place in range(number):
        Image.new("RGB", (9, 9), (place, 0, 0)).save(folder / f"{place:02}.png")
    return folder


def test_every_image_is_in_one_part(tmp_path: Path) -> None:
    names = [images_in(tmp_path / kind, 20) for kind in ("left", "right")]
    division = divide(f"folder:{tmp_path}", train_images=12, validation_images=5)
    parts = {name: listing.names for name, listing in division.listings().items()}
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 12, "validation": 5, "unused": 15, "test": 8,
    }  # fmt: skip
    found = sorted(name for part in parts.values() for name in part)
    assert found == sorted(f"{folder.name}/{file.name}" for folder in names for file in folder.iterdir())
    assert divide(f"folder:{tmp_path}").with_train(12).listings()["train"].names == tuple(
        divide(f"folder:{tmp_path}", train_images=12).listings()["train"].names
    )


def test_listings_open_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("train", "test"):
        for kind in ("left", "right"):
            images_in(tmp_path / part / kind, 10)

    def opened(*_: object) -> None:
        raise AssertionError("an image was opened")

    monkeypatch.setattr(Image, "open", opened)
    test = divide(f"folder:{tmp_path}").listings()["test"]
    assert test.names[0] == "test/left/00.png" and test.labels == (0,) * 10 + (1,) * 10
    assert test.sizes[3] == (tmp_path / "test" / "left" / "03.png").stat().st_size


def test_arrays_are_named_by_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    division = divide(f"{__name__}:made", train_images=20)
    listings = division.listings()
    shared = sorted(int(name) for part in ("train", "validation", "unused") for name in listings[part].names)
    assert shared == list(range(30))
    train = listings["train"]
    assert [LABELS[int(name)] for name in train.names] == list(train.labels)
    assert listings["test"].labels == (0, 1, 2, 0, 1, 2)
    assert (division.decoded().train.labels.numpy() == np.array(train.labels)).all()
