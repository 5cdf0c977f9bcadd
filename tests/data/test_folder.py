from __future__ import annotations

import hashlib
import io
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.data.split import stratified_order


def write_images(
    folder: Path, per_class: int, *, classes: str = "ab", size: int = 40, offset: int = 0
) -> Path:
    """Class k's image i is one flat colour, (100 * k, offset + i, 7): what is read can be told apart."""
    for k, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(per_class):
            pixels = np.full((size, size, 3), (100 * k, offset + i, 7), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:03}.png")
    return folder


def seen(split: data.Split) -> list[tuple[int, int]]:
    """(label, second channel) of each image, in order."""
    assert set(split.images[:, 2].flatten().tolist()) == {7}
    assert (split.images[:, 0] == 100 * split.labels.view(-1, 1, 1)).all()
    return list(zip(split.labels.tolist(), split.images[:, 1, 0, 0].tolist(), strict=True))


def load_test(name: str) -> data.Split:
    with data.final_evaluation():
        return data.test_split(name)


def test_train_and_test_folders(tmp_path: Path) -> None:
    write_images(tmp_path / "train", 20)
    write_images(tmp_path / "test", 5, offset=100)
    name = f"folder:{tmp_path}"
    loaded = data.load(name)
    assert (loaded.info.num_classes, loaded.info.in_channels, loaded.info.image_size) == (2, 3, 32)
    assert loaded.info.mean == (0.485, 0.456, 0.406) and loaded.info.flip
    assert (len(loaded.train), len(loaded.validation)) == (32, 8)
    everything = sorted(seen(loaded.train) + seen(loaded.validation))
    assert everything == [(k, i) for k in range(2) for i in range(20)]
    assert seen(load_test(name)) == [(k, 100 + i) for k in range(2) for i in range(5)]


def test_one_folder_is_split_for_good(tmp_path: Path) -> None:
    name = f"folder:{write_images(tmp_path / 'all', 30)}"
    loaded, tested = data.load(name), load_test(name)
    parts = [seen(part) for part in (loaded.train, loaded.validation, tested)]
    assert [len(part) for part in parts] == [38, 10, 12]
    assert sorted(itertools.chain(*parts)) == [(k, i) for k in range(2) for i in range(30)]
    assert tested.labels.bincount().tolist() == [6, 6]
    again = data.load(name)
    assert [seen(again.train), seen(again.validation), seen(load_test(name))] == parts


def test_images_are_resized_by_the_shorter_side_and_cropped_in_the_middle(tmp_path: Path) -> None:
    write_images(tmp_path, 4)
    wide = np.zeros((64, 128, 3), dtype=np.uint8)
    wide[:, 32:96] = 200
    for path in tmp_path.glob("*/*.png"):
        Image.fromarray(wide).save(path)
    images = data.load(f"folder:{tmp_path}", image_size=16).train.images
    assert images.shape[1:] == (3, 16, 16)
    # The middle square is 200 all over; only its outermost columns mix with what was cut off.
    assert (images[:, :, :, 1:-1] == 200).all()


def test_grey_and_transparent_images_become_rgb(tmp_path: Path) -> None:
    write_images(tmp_path, 3)
    Image.new("L", (10, 10), 9).save(tmp_path / "a" / "000.png")
    Image.new("RGBA", (10, 10), (1, 2, 3, 0)).save(tmp_path / "b" / "000.png")
    assert data.load(f"folder:{tmp_path}").train.images.shape[1] == 3


def test_decoded_images_are_kept_until_a_file_changes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"folder:{write_images(tmp_path / 'all', 10)}"
    first = seen(data.load(name).train)
    kept = sorted((cache / "folders").iterdir())
    assert len(kept) == 2

    def no_decoding(*_: object) -> None:
        raise AssertionError("decoded again")

    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", no_decoding)
        assert seen(data.load(name).train) == first
    others = io.BytesIO()
    np.save(others, np.zeros((3, 3, 32, 32), dtype=np.uint8))
    for content in (b"cut short", b"", others.getvalue()):
        for path in kept:
            path.write_bytes(content)
        assert seen(data.load(name).train) == first


@pytest.mark.parametrize("same", ["size", "time"])
def test_an_image_that_was_changed_is_decoded_again(tmp_path: Path, same: str) -> None:
    """Whether its size or its time tells; pictures of one size are bitmaps of one size."""
    for label, green in itertools.product(range(2), range(5)):
        (tmp_path / "ab"[label]).mkdir(exist_ok=True)
        Image.new("RGB", (40, 40), (100 * label, green, 7)).save(tmp_path / "ab"[label] / f"{green}.bmp")
    label, green = seen(data.load(f"folder:{tmp_path}").train)[0]
    path = tmp_path / "ab"[label] / f"{green}.bmp"
    before, side = path.stat(), 40 if same == "size" else 41
    Image.new("RGB", (side, side), (100 * label, 250, 7)).save(path)
    os.utime(path, ns=(0, 0 if same == "size" else before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size == before.st_size, after.st_mtime_ns == before.st_mtime_ns) == (
        same == "size",
        same == "time",
    )
    assert seen(data.load(f"folder:{tmp_path}").train)[0] == (label, 250)


def test_a_cache_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "file" / "below"))
    assert len(data.load(f"folder:{write_images(tmp_path / 'all', 10)}").train) == 13


def test_only_chosen_images_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[int, int]] = []
    real = Image.open

    def spy(path: Path) -> Image.Image:
        opened.append(("ab".index(path.parent.name), int(path.stem)))
        return real(path)

    write_images(tmp_path, 20)
    monkeypatch.setattr(Image, "open", spy)
    loaded = data.load(f"folder:{tmp_path}", train_images=4, validation_images=2)
    assert len(opened) == 6 and sorted(opened) == sorted(seen(loaded.train) + seen(loaded.validation))


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n cut"])
def test_a_damaged_image_is_named(tmp_path: Path, content: bytes) -> None:
    write_images(tmp_path, 5)
    for path in tmp_path.glob("*/*.png"):
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"[ab]/00\d.png: no readable image") as caught:
        data.load(f"folder:{tmp_path}")
    assert "\n" not in str(caught.value)


def test_a_cut_image_is_named(tmp_path: Path) -> None:
    write_images(tmp_path, 5)
    for path in tmp_path.glob("*/*.png"):
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="no readable image"):
        data.load(f"folder:{tmp_path}")


def test_wrong_layouts(tmp_path: Path) -> None:
    def said(root: Path) -> str:
        with pytest.raises(InputError) as caught:
            data.load(f"folder:{root}")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    (tmp_path / "empty").mkdir()
    assert "0 class folders in it; at least 2" in said(tmp_path / "empty")
    write_images(tmp_path / "one", 5, classes="a")
    assert "1 class folders in it" in said(tmp_path / "one")
    write_images(tmp_path / "val" / "train", 5)
    write_images(tmp_path / "val" / "val", 5)
    assert "not both train/ and test/" in said(tmp_path / "val")
    write_images(tmp_path / "odd" / "train", 5, classes="abc")
    write_images(tmp_path / "odd" / "test", 5, classes="abd")
    assert "class 'c' is in only one of train/ and test/" in said(tmp_path / "odd")
    write_images(tmp_path / "hollow", 5)
    (tmp_path / "hollow" / "nothing").mkdir()
    assert "nothing" in said(tmp_path / "hollow")
    write_images(tmp_path / "few", 1)
    assert "too few" in said(tmp_path / "few")


def test_pictures_of_any_depth_give_the_same_images(tmp_path: Path) -> None:
    grey = np.random.default_rng(3).integers(0, 256, (16, 40, 40), dtype=np.uint8)
    makers = {
        "plain.png": Image.fromarray,
        "deep.png": lambda pixels: Image.fromarray(pixels.astype(np.uint16) * 257),
        "deep.tif": lambda pixels: Image.fromarray(pixels.astype(np.int32) * 257),
        "float.tiff": lambda pixels: Image.fromarray(pixels.astype(np.float32) / 255),
        "alpha.png": lambda pixels: Image.fromarray(pixels).convert("LA"),
    }
    found = []
    for name, make in makers.items():
        for k, pixels in enumerate(grey):
            path = tmp_path / name / "ab"[k % 2] / f"{k:02}{Path(name).suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            make(pixels).save(path)
        found.append(data.load(f"folder:{tmp_path / name}").train.images)
    assert all(np.array_equal(found[0], images) for images in found) and found[0].float().std() > 20


def test_a_picture_out_of_range_is_named_with_its_mode(tmp_path: Path) -> None:
    write_images(tmp_path, 5)
    for path in tmp_path.glob("*/*.png"):
        Image.fromarray(np.full((9, 9), 300.0, dtype=np.float32)).save(path.with_suffix(".tif"))
        path.unlink()
    with pytest.raises(InputError, match=r"[ab]/00\d.tif: pixels of mode F from 300 to 300"):
        data.load(f"folder:{tmp_path}")


def test_a_picture_on_its_side_is_turned_before_its_middle_is_cut_out(tmp_path: Path) -> None:
    write_images(tmp_path, 5)
    tall = np.zeros((60, 30, 3), dtype=np.uint8)
    tall[15:45] = np.linspace(0, 255, 30, dtype=np.uint8)[:, None, None]
    exif = Image.Exif()
    exif[0x0112] = 6
    for path in tmp_path.glob("*/*.png"):
        Image.fromarray(tall).transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    images = data.load(f"folder:{tmp_path}", image_size=30).train.images
    assert np.array_equal(images[0, 0], tall[15:45, :, 0])


def test_images_that_an_older_version_kept_are_not_taken(tmp_path: Path, cache: Path) -> None:
    """Version 1, whose digest is spelled out here, made white of what has 16 bits."""
    write_images(tmp_path / "train", 10)
    write_images(tmp_path / "test", 2)
    files = sorted((tmp_path / "train").glob("*/*.png"))
    order = stratified_order(torch.arange(20) // 10).tolist()
    (cache / "folders").mkdir()
    for part in (order[:4], order[4:]):
        digest = hashlib.sha256(b"1 32")
        for path in (files[k] for k in part):
            digest.update(f"\0{path}\0{path.stat().st_size}\0{path.stat().st_mtime_ns}".encode())
        white = np.full((len(part), 3, 32, 32), 255, dtype=np.uint8)
        np.save(cache / "folders" / f"{digest.hexdigest()[:32]}.npy", white)
    loaded = data.load(f"folder:{tmp_path}")
    assert (len(loaded.validation), len(loaded.train)) == (4, 16)
    assert int(loaded.train.images.max()) == int(loaded.validation.images.max()) == 100
