"""``train/``, ``val/`` and ``test/``, and what is found wrong in ``test/`` before anything is trained."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from lcsearch import data
from lcsearch.core.errors import InputError

CLASSES = ("ash", "elm", "oak")
STARTS = {"train": 0, "val": 100, "test": 200}


def plant(
    root: Path, part: str, each: int, name: str | None = None, classes: tuple[str, ...] = CLASSES
) -> Path:
    """Image i of class k is of one colour, (STARTS[part] + i, k, 9): what is read tells where it lay."""
    for kind in classes:
        folder = root / (name or part) / kind
        folder.mkdir(parents=True)
        for i in range(each):
            colour = (STARTS[part] + i, CLASSES.index(kind), 9)
            Image.new("RGB", (8, 8), colour).save(folder / f"{i:02}.png")
    return root


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    for part, each in (("train", 12), ("val", 6), ("test", 4)):
        plant(tmp_path, part, each)
    return tmp_path


def seen(split: data.Split) -> list[tuple[int, int]]:
    """(number of the image, class), sorted; labels and pixels agree on the class."""
    assert split.images[:, 1, 0, 0].tolist() == split.labels.tolist()
    return sorted(zip(split.images[:, 0, 0, 0].tolist(), split.labels.tolist(), strict=True))


def every(part: str, each: int) -> list[tuple[int, int]]:
    return [(STARTS[part] + i, k) for i in range(each) for k in range(3)]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_val_validates_and_train_trains_whole(trees: Path, name: str) -> None:
    (trees / "val").rename(trees / name)
    loaded = data.load(f"folder:{trees}", image_size=8)
    assert seen(loaded.train) == every("train", 12) and seen(loaded.validation) == every("val", 6)
    assert loaded.left_out == ()
    with data.final_evaluation():
        assert seen(data.test_split(f"folder:{trees}", image_size=8)) == every("test", 4)


def test_fewer_images_are_stratified_subsets(trees: Path) -> None:
    name = f"folder:{trees}"
    few = data.load(name, image_size=8, train_images=9, validation_images=6)
    more = data.load(name, image_size=8, train_images=18, validation_images=12)
    for part, start in (("train", 0), ("validation", 100)):
        small, large = seen(getattr(few, part)), seen(getattr(more, part))
        assert set(small) < set(large) and all(start <= number < start + 100 for number, _ in large)
        assert getattr(few, part).labels.bincount().tolist() == [len(small) // 3] * 3


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"train_images": 37}, r"train_images=37: .* allows 3 \(one a class\) to 36"),
        ({"train_images": 2}, "train_images=2: "),
        ({"validation_images": 19}, "validation_images=19: .* allows 1 to 18"),
        ({"validation_images": 0}, "validation_images=0: "),
    ],
)
def test_more_than_a_part_has_is_refused(trees: Path, asked: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        data.load(f"folder:{trees}", **asked)


def test_every_image_is_in_one_part(trees: Path) -> None:
    listings = data.divide(f"folder:{trees}", train_images=20, validation_images=5).listings()
    names = {part: set(listing.names) for part, listing in listings.items()}
    assert {part: len(found) for part, found in names.items()} == {
        "train": 20, "validation": 5, "unused": 29, "test": 12,
    }  # fmt: skip
    assert set.union(*names.values()) == {str(f.relative_to(trees)) for f in trees.glob("*/*/*.png")}


def test_without_the_sets_own_validation_val_is_left_out_and_that_is_said(trees: Path) -> None:
    loaded = data.load(f"folder:{trees}", image_size=8, own_validation=False)
    assert sorted(seen(loaded.train) + seen(loaded.validation)) == every("train", 12)
    assert len(loaded.validation) == 7
    assert loaded.left_out == (f"left out of {trees.name}/: 1 folder beside the parts, such as val",)


def test_val_may_lack_a_class_and_that_is_said(trees: Path) -> None:
    for path in (trees / "val" / "elm").iterdir():
        path.unlink()
    for _ in range(2):
        loaded = data.load(f"folder:{trees}")
        assert loaded.validation.labels.bincount().tolist() == [6, 0, 6]
        assert "no validation image is of class 'elm'" in data.notes_on(loaded)
        if (trees / "val" / "elm").is_dir():
            (trees / "val" / "elm").rmdir()


def test_other_validation_folders_are_refused(trees: Path) -> None:
    plant(trees, "val", 1, "valid")
    with pytest.raises(InputError, match="has both val/ and valid/"):
        data.load(f"folder:{trees}")
    (trees / "valid").rename(trees / "val" / "yew")
    with pytest.raises(InputError, match="class 'yew' is in val/ but not in train/"):
        data.load(f"folder:{trees}")


def test_an_empty_val_is_refused(trees: Path) -> None:
    (trees / "val").rename(trees / "spare")
    (trees / "val").mkdir()
    with pytest.raises(InputError, match="there is no image in val/"):
        data.load(f"folder:{trees}")


def test_what_lies_beside_the_parts_is_said(trees: Path) -> None:
    (trees / "unlabelled").mkdir()
    (trees / ".cache").mkdir()
    Image.new("L", (8, 8)).save(trees / "val" / "elm" / "._00.png")
    assert data.load(f"folder:{trees}").left_out == (
        f"left out of {trees.name}/: 1 folder beside the parts, such as unlabelled",
        "left out of val/: 1 hidden file or folder, such as elm/._00.png",
    )


def test_a_dead_link_in_the_place_of_a_part_is_refused(trees: Path) -> None:
    (trees / "val").rename(trees.parent / "moved")
    (trees / "val").symlink_to("/mnt/not_mounted/val")
    with pytest.raises(InputError, match="val: a link to /mnt/not_mounted/val, which is not there"):
        data.load(f"folder:{trees}")


@pytest.mark.parametrize("names", [("Train", "Test"), ("training", "TESTING"), ("TRAIN", "Val")])
def test_parts_of_other_names_are_not_taken_for_classes(
    trees: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    for part, name in zip(("train", "test"), names, strict=True):
        (trees / part).rename(trees / name)
    (trees / "val").rename(tmp_path.parent / f"{tmp_path.name}-val")
    with pytest.raises(InputError, match=f"has a folder {names[0]}/ but not both train/ and test/"):
        data.load(f"folder:{trees}")


def test_classes_may_be_called_test_or_training_where_they_are_no_parts(tmp_path: Path) -> None:
    plant(tmp_path, "train", 8, ".")
    (tmp_path / "ash").rename(tmp_path / "test")
    assert data.load(f"folder:{tmp_path}").info.classes == ("elm", "oak", "test")


def test_a_folder_whose_own_name_is_not_utf_8_is_refused(trees: Path) -> None:
    odd = os.fsdecode(os.fsencode(trees.parent) + b"/for\xeat")
    trees.rename(odd)
    with pytest.raises(InputError, match=r"for\\\\xeat': the name of the folder is not UTF-8"):
        data.load(f"folder:{odd}")


def test_a_file_that_went_away_is_named(trees: Path) -> None:
    division = data.divide(f"folder:{trees}")
    (trees / "train" / "oak" / "03.png").unlink()
    with pytest.raises(InputError, match=r"train/oak/03.png: no readable image .*No such file"):
        division.decoded()


def test_a_damaged_file_in_test_is_found_without_reading_a_pixel(
    trees: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    division = data.divide(f"folder:{trees}")

    def load(*_: object) -> None:
        raise AssertionError("pixels were read")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert division.check_test() == ()
    (trees / "test" / "oak" / "02.png").write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match=r"dataset='folder:.*test/oak/02.png: no readable image"):
        division.check_test()


def test_damaged_files_are_found_in_the_fifth_that_becomes_the_test_part(tmp_path: Path) -> None:
    plant(tmp_path, "train", 10, ".")
    division = data.divide(f"folder:{tmp_path}")
    inside = set(division.listings()["test"].names)
    assert len(inside) == 6 and division.check_test() == ()
    (tmp_path / min(inside)).write_bytes(b"")
    with pytest.raises(InputError, match=f"{min(inside)}: no readable image"):
        division.check_test()


def test_a_class_of_test_without_images_is_found(trees: Path) -> None:
    for path in (trees / "test" / "ash").iterdir():
        path.rename(path.with_suffix(".gif"))
    with pytest.raises(
        InputError, match=r"test/ash: there is no image in it; .*4 files .*such as ash/0\d.gif"
    ):
        data.divide(f"folder:{trees}").check_test()


def test_what_test_holds_beside_its_images_is_said(trees: Path) -> None:
    (trees / "test" / ".ipynb_checkpoints").mkdir()
    (trees / "test" / "oak" / "notes.txt").touch()
    (said,) = data.divide(f"folder:{trees}").check_test()
    assert said.startswith("left out of test/: 1 hidden file or folder") and said.endswith("oak/notes.txt")


def test_named_data_sets_have_nothing_to_check() -> None:
    assert data.divide("digits").check_test() == ()
    assert np.array_equal(
        data.load("digits", own_validation=False).validation.labels, data.load("digits").validation.labels
    )
