"""A data set beside what was recorded of it: what came, went and changed, and what is left of the split."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from image_folders import make_folder, picture
from PIL import Image

from lcsearch import data
from lcsearch.data.image_list import read_image_list, write_image_list
from lcsearch.data.recorded import RecordedImages, Source, compare, record

TRAIN, VALIDATION = 30, 10


def noted(source: Source, file: Path) -> tuple[RecordedImages, data.SearchData]:
    """What a run would record, and the images of then."""
    division = data.divide(
        source.name, train_images=TRAIN, validation_images=VALIDATION, image_size=source.image_size
    )
    loaded = division.decoded()
    images = record(division, loaded)
    write_image_list(file, images.lines)
    return RecordedImages(images.digest, file), loaded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "toys")


@pytest.fixture
def source(root: Path) -> Source:
    return Source(f"folder:{root}", None, TRAIN, VALIDATION, 8)


def names(recorded: RecordedImages, part: str) -> list[str]:
    return [line.name for line in read_image_list(recorded.file) if line.part == part]


def test_nothing_has_changed(source: Source, root: Path, tmp_path: Path) -> None:
    recorded, then = noted(source, tmp_path / "list")
    for path in root.rglob("*.bmp"):
        path.touch()
    found = compare(recorded, source)
    assert found.changes is None
    assert torch.equal(found.data.train.images, then.train.images)
    parts = Counter(line.part for line in read_image_list(recorded.file))
    assert parts == {"train": 30, "validation": 10, "unused": 8, "test": 12}


def test_images_that_came_leave_the_old_split_as_it_was(source: Source, root: Path, tmp_path: Path) -> None:
    """Divided anew, images would move from one part to another."""
    recorded, then = noted(source, tmp_path / "list")
    for number in range(9):
        picture(5000 + number).save(root / "cube" / f"a{number}.bmp")
    anew = data.divide(source.name, train_images=TRAIN, validation_images=VALIDATION).listings()
    assert set(anew["validation"].names) & set(names(recorded, "train"))
    found = compare(recorded, source)
    assert found.changes is not None and str(found.changes) == "9 came"
    assert found.changes.left == "30 of 30 training and 10 of 10 validation images"
    for part in ("train", "validation"):
        now, before = getattr(found.data, part), getattr(then, part)
        assert torch.equal(now.images, before.images) and torch.equal(now.labels, before.labels)
    with data.final_evaluation():
        test = data.recorded_test_split(source.name, read_image_list(recorded.file), image_size=8)
    assert len(test) == 12


def test_what_went_and_what_changed_is_counted_by_part(source: Source, root: Path, tmp_path: Path) -> None:
    recorded, then = noted(source, tmp_path / "list")
    train, validation, test = (names(recorded, part) for part in ("train", "validation", "test"))
    for name in (train[0], train[3], validation[2], test[1]):
        (root / name).unlink()
    for name in (train[5], validation[0], validation[1]):
        picture(9000).save(root / name)
    picture(9001).resize((20, 20)).save(root / test[0])
    moved = root / ("ring" if train[7].startswith("c") else "cone") / "was_elsewhere.bmp"
    shutil.move(root / train[7], moved)
    found = compare(recorded, source)
    assert str(found.changes) == (
        "1 came, 5 went, 4 changed (training: 3 went, 1 changed; validation: 1 went, 2 changed; "
        "test: 1 went, 1 changed)"
    )
    left = [place for place in range(TRAIN) if place not in (0, 3, 5, 7)]
    assert torch.equal(found.data.train.images, then.train.images[left])
    assert torch.equal(found.data.validation.labels, then.validation.labels[3:])
    with data.final_evaluation():
        lines = read_image_list(recorded.file)
        assert len(data.recorded_test_split(source.name, lines, image_size=8)) == 10


def test_no_test_image_is_opened(
    source: Source, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "cache"))
    recorded, _ = noted(source, tmp_path / "list")
    test = {root / name for name in names(recorded, "test")}
    for number in range(30):
        picture(5000 + number).save(root / "cone" / f"0_{number}.bmp")
    opened, really = [], Image.open

    def spy(path: Path) -> Image.Image:
        opened.append(Path(path))
        return really(path)

    monkeypatch.setattr(Image, "open", spy)
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "other_cache"))
    assert compare(recorded, source).changes is not None
    assert opened and not test & set(opened)


def test_too_few_images_for_the_numbers_of_then_are_no_error(
    source: Source, root: Path, tmp_path: Path
) -> None:
    recorded, _ = noted(source, tmp_path / "list")
    keep = set(names(recorded, "validation")[:4]) | set(names(recorded, "train")[:5])
    for path in root.rglob("*.bmp"):
        if path.relative_to(root).as_posix() not in keep and path.stem != "00":
            path.unlink()
    changes = compare(recorded, source).changes
    assert changes is not None and changes.usable
    assert changes.kept["train"] >= 5 and changes.kept["validation"] >= 4


def test_a_class_that_comes_leaves_the_labels_of_then(source: Source, root: Path, tmp_path: Path) -> None:
    recorded, then = noted(source, tmp_path / "list")
    (root / "wedge").mkdir()
    picture(1).save(root / "wedge" / "0.bmp")
    found = compare(recorded, source)
    assert found.changes is not None and str(found.changes) == "1 came; 4 classes instead of 3"
    assert found.data.info.num_classes == 3
    assert torch.equal(found.data.train.labels, then.train.labels)


def test_pictures_that_are_only_decoded_otherwise_are_still_there(
    source: Source, root: Path, tmp_path: Path
) -> None:
    """Another version of Pillow gives other pixels of the same files: bitmaps of one size stand for it."""
    recorded, _ = noted(source, tmp_path / "list")
    for number, path in enumerate(sorted(root.rglob("*.bmp"))):
        picture(7000 + number).save(path)
    changes = compare(recorded, source).changes
    assert changes is not None and changes.other_decoder and changes.kept == {"train": 30, "validation": 10}
    assert "decoded in another way" in str(changes)
    next(root.rglob("*.bmp")).unlink()
    changes = compare(recorded, source).changes
    assert changes is not None and not changes.other_decoder and not changes.usable


ARRAYS = {"images": np.zeros(0), "labels": np.zeros(0)}


def arrays() -> object:
    """A function of the user's; what it returns is set by tests."""
    images, labels = ARRAYS["images"], ARRAYS["labels"]
    return (images, labels), (images[:9], labels[:9])


@pytest.fixture
def own(tmp_path: Path) -> tuple[Source, RecordedImages, data.SearchData]:
    random = np.random.default_rng(3)
    ARRAYS["images"] = random.integers(0, 256, (50, 1, 9, 9), dtype=np.uint8)
    ARRAYS["labels"] = np.arange(50) % 3
    source = Source(f"{__name__}:arrays", None, TRAIN, VALIDATION, None)
    return source, *noted(source, tmp_path / "list")


def test_arrays_that_lost_images_are_known_by_their_pixels(
    own: tuple[Source, RecordedImages, data.SearchData],
) -> None:
    """The first one gone shifts all others to other places, and the mean is that of other images."""
    source, recorded, then = own
    lost = int(names(recorded, "train")[0])
    ARRAYS.update({name: np.delete(array, lost, axis=0) for name, array in ARRAYS.items()})
    found = compare(recorded, source)
    assert found.changes is not None
    assert (found.changes.kept["train"], found.changes.kept["validation"]) == (29, 10)
    assert torch.equal(found.data.train.images, then.train.images[1:])
    assert found.data.info.mean == then.info.mean


def test_arrays_with_other_pixels_or_labels_have_changed(
    own: tuple[Source, RecordedImages, data.SearchData],
) -> None:
    source, recorded, _ = own
    ARRAYS["images"] = ARRAYS["images"].copy()
    ARRAYS["images"][int(names(recorded, "train")[0])] ^= 1
    place = int(names(recorded, "validation")[0])
    ARRAYS["labels"] = ARRAYS["labels"].copy()
    ARRAYS["labels"][place] = (ARRAYS["labels"][place] + 1) % 3
    text = str(compare(recorded, source).changes)
    assert text.startswith("2 changed (training: 1 changed; validation: 1 changed") or "test: 1" in text


def test_arrays_in_another_order_are_all_there(own: tuple[Source, RecordedImages, data.SearchData]) -> None:
    source, recorded, then = own
    order = np.random.default_rng(0).permutation(50)
    ARRAYS["images"], ARRAYS["labels"] = ARRAYS["images"][order], ARRAYS["labels"][order]
    found = compare(recorded, source)
    assert found.changes is not None and found.changes.left.startswith("30 of 30")
    assert torch.equal(found.data.train.images, then.train.images)


def test_a_list_of_images_holds_any_name_and_is_small(tmp_path: Path, root: Path, source: Source) -> None:
    for odd in ('a "b", c', "tab\there", "new\nline", "ümlaut"):
        picture(len(odd)).save(root / "cube" / f"{odd}.bmp")
    recorded, _ = noted(source, tmp_path / "list")
    found = {line.name for line in read_image_list(recorded.file)}
    assert found == {path.relative_to(root).as_posix() for path in root.rglob("*.bmp")}
    assert recorded.file.stat().st_size < 40 * len(found)
