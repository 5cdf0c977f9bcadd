"""Images in files that are mapped instead of read into memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from image_folders import make_folder, picture

from lcsearch import data
from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.room import Room
from lcsearch.data import Batches
from lcsearch.data import streamed as streaming
from lcsearch.data.digest import pixel_digests, seen_digest
from lcsearch.data.streamed import Wanted, streamed

SHAPE = (20, 3, 4, 4)
IMAGES = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


class Decoder:
    """Makes `IMAGES`, counts them, and stops where it is told to, as a killed process does."""

    def __init__(self, stop: int = 99) -> None:
        self.made: list[int] = []
        self.stop = stop

    def __call__(self, first: int) -> Iterator[np.ndarray]:
        for place in range(first, SHAPE[0]):
            if place == self.stop:
                raise KeyboardInterrupt
            self.made.append(place)
            yield IMAGES[place]

    def wanted(self, made_of: str = "a") -> Wanted:
        return Wanted("mine", "key", lambda: made_of, SHAPE, self)


@pytest.fixture
def four_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_CHUNK_BYTES", 4 * 3 * 4 * 4)


def test_images_are_decoded_once_and_are_a_plain_npy_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decoder = Decoder()
    [file] = streamed([decoder.wanted()], tmp_path / "new")
    assert (np.load(file.path) == IMAGES).all() and (file.mapped().numpy() == IMAGES).all()
    said = capsys.readouterr().err
    assert "decoding 20 images of mine, 4 x 4 pixels" in said and ": 1.0 kB, kept for other runs" in said
    [again] = streamed([decoder.wanted()], tmp_path / "new")
    assert decoder.made == list(range(20)) and again.path == file.path
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("four_a_chunk")
@pytest.mark.parametrize(("stop", "begins"), [(3, 0), (7, 0), (8, 4), (11, 4), (19, 12)])
def test_what_a_kill_left_is_gone_on_with(tmp_path: Path, stop: int, begins: int) -> None:
    """All but the last whole chunk of four counts, which the disk may not have."""
    with pytest.raises(KeyboardInterrupt):
        streamed([Decoder(stop).wanted()], tmp_path)
    assert not list(tmp_path.glob("*.npy"))
    decoder = Decoder()
    [file] = streamed([decoder.wanted()], tmp_path)
    assert decoder.made == list(range(begins, 20))
    assert (file.mapped().numpy() == IMAGES).all() and not list(tmp_path.glob("*.part"))


@pytest.mark.usefixtures("four_a_chunk")
def test_other_images_are_decoded_anew_also_where_a_kill_left_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        streamed([Decoder(15).wanted("a")], tmp_path)
    decoder = Decoder()
    streamed([decoder.wanted("b")], tmp_path)
    assert decoder.made == list(range(20))
    assert "the images of mine have changed since: they are decoded anew" in capsys.readouterr().err


@pytest.mark.parametrize("cut", [0, 100, -1])
def test_a_file_that_was_cut_short_is_made_anew(
    tmp_path: Path, cut: int, capsys: pytest.CaptureFixture[str]
) -> None:
    [file] = streamed([Decoder().wanted()], tmp_path)
    os.truncate(file.path, cut % file.path.stat().st_size)
    [again] = streamed([Decoder().wanted()], tmp_path)
    assert (again.mapped().numpy() == IMAGES).all()
    assert f"{file.path} was cut short: the images of mine are decoded anew" in capsys.readouterr().err


def test_a_disk_without_room_for_all_is_refused_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = Decoder()
    big = replace(decoder.wanted(), key="big", shape=(100_000, 3, 224, 224))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=15_000_000_000))
    with pytest.raises(InputError) as caught:
        streamed([decoder.wanted(), big], tmp_path)
    said = "decoded images need 15.1 GB there, and 15.0 GB are free; name a folder with room"
    assert str(caught.value) == f"data_cache={str(tmp_path)!r}: {said}"
    assert decoder.made == []


def test_a_folder_that_cannot_be_made_is_refused_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        streamed([Decoder().wanted()], tmp_path / "file" / "folder")
    said = "decoded images cannot be kept there (Not a directory); name a folder with room"
    assert str(caught.value) == f"data_cache={str(tmp_path / 'file' / 'folder')!r}: {said}"


def loaded(root: Path, cache: Path, memory: int | None = 10_000) -> data.SearchData:
    return data.load(f"folder:{root}", image_size=16, room=Room(memory, str(cache)))


def test_a_folder_that_does_not_fit_gives_the_same_batches(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "images")
    mapped, whole = loaded(root, tmp_path / "cache"), loaded(root, tmp_path / "cache", None)
    assert mapped.streamed and not whole.streamed
    for part in ("train", "validation"):
        ours, theirs = getattr(mapped, part), getattr(whole, part)
        assert torch.equal(ours.images, theirs.images) and torch.equal(ours.labels, theirs.labels)
    batches = [
        list(Batches(one.train, one.info, 8, augment=True).indexed(torch.Generator().manual_seed(3)))
        for one in (mapped, whole)
    ]
    for ours, theirs in zip(*batches, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    in_order = [
        torch.cat([x for x, _ in Batches(one.validation, one.info, 8, augment=False).epoch()])
        for one in (mapped, whole)
    ]
    assert torch.equal(*in_order)
    with data.final_evaluation():
        test = data.test_split(f"folder:{root}", image_size=16, room=Room(10, str(tmp_path / "cache")))
        assert test.file is not None and torch.equal(
            test.images, data.test_split(f"folder:{root}", image_size=16).images
        )


@pytest.mark.parametrize("how", ["changes", "goes", "cache"])
def test_images_that_change_between_two_epochs_halt_the_training(tmp_path: Path, how: str) -> None:
    root = make_folder(tmp_path / "images")
    mapped = loaded(root, tmp_path / "cache")
    batches = Batches(mapped.train, mapped.info, 8, augment=True)
    assert len(list(batches.epoch(torch.Generator()))) == 4
    if how == "cache":
        os.utime(mapped.train.file.path)
    for image in root.rglob("*.bmp"):
        if how == "changes":
            picture(7).save(image)
        if how == "goes":
            image.unlink()
    words = f"^the images of folder:{root} (have changed|went away) while they were in use"
    with pytest.raises(HaltError, match=words):
        batches.epoch(torch.Generator())


def test_the_digest_is_computed_once_for_each_state_of_the_file(tmp_path: Path) -> None:
    """Seen by a byte that is changed behind its back, with the file's time put back."""
    root = make_folder(tmp_path / "images")
    mapped, whole = loaded(root, tmp_path / "cache"), loaded(root, tmp_path / "cache", None)
    assert seen_digest(mapped) == seen_digest(whole)
    path = mapped.train.file.path
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([255 - last]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert seen_digest(loaded(root, tmp_path / "cache")) == seen_digest(whole)
    os.utime(path)
    other = seen_digest(loaded(root, tmp_path / "cache"))
    assert other != seen_digest(whole) and other.split("-")[1] == seen_digest(whole).split("-")[1]


def test_other_labels_of_the_same_images_have_another_digest(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "images")
    train = loaded(root, tmp_path / "cache").train
    whole = loaded(root, tmp_path / "cache", None).train
    digests = set()
    for labels in (train.labels, train.labels.flip(0)):
        pair = [replace(one, labels=labels) for one in (train, whole)]
        found = {pixel_digests(data.SearchData(None, one, one))["train"] for one in pair}
        assert len(found) == 1
        digests |= found
    assert len(digests) == 2
