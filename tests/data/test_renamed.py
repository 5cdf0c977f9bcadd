"""Recorded images that are in files of other names are still there, in the part that they were in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from image_folders import CLASSES, make_folder, picture
from PIL import Image

from lcsearch import data
from lcsearch.data.changes import Changes
from lcsearch.data.image_list import read_image_list, write_image_list
from lcsearch.data.recorded import Comparison, RecordedImages, Source, compare, record

TRAIN, VALIDATION = 30, 10


def make(root: Path, per_class: int = 20) -> Path:
    """Pictures of which each has a size of its own, as compressed ones have."""
    for k, kind in enumerate(CLASSES):
        (root / kind).mkdir(parents=True)
        for number in range(per_class):
            wide = picture(100 * k + number).resize((10, 11 + per_class * k + number))
            wide.save(root / kind / f"{number:02}.bmp")
    return root


class Run:
    """What a run would know of the images of a folder."""

    def __init__(self, root: Path, file: Path) -> None:
        self.root = root
        self.source = Source(f"folder:{root}", None, TRAIN, VALIDATION, 8)
        division = data.divide(
            self.source.name, train_images=TRAIN, validation_images=VALIDATION, image_size=8
        )
        self.then = division.decoded()
        images = record(division, self.then)
        write_image_list(file, images.lines)
        self.recorded = RecordedImages(images.digest, file)
        self.lines = read_image_list(file)
        self.test = self.test_images()

    def names(self, part: str) -> list[str]:
        return [line.name for line in self.lines if line.part == part]

    def test_images(self) -> torch.Tensor:
        with data.final_evaluation():
            return data.recorded_test_split(self.source.name, self.lines, image_size=8).images

    def compared(self) -> tuple[Comparison, Changes]:
        found = compare(self.recorded, self.source)
        assert found.changes is not None
        return found, found.changes


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(make(tmp_path / "toys"), tmp_path / "list")


def test_renamed_files_keep_the_split(run: Run) -> None:
    """Divided anew, images would move from one part to another."""
    for path in sorted(run.root.rglob("*.bmp")):
        path.rename(path.with_name(f"{'zyx'[int(path.stem) % 3]}{path.name}"))
    found, changes = run.compared()
    assert str(changes) == (
        "60 renamed (training: 30 renamed; validation: 10 renamed; unused: 8 renamed; test: 12 renamed)"
    )
    assert changes.left.startswith("30 of 30 training and 10 of 10") and changes.usable
    for part in ("train", "validation"):
        now, then = getattr(found.data, part), getattr(run.then, part)
        assert torch.equal(now.images, then.images) and torch.equal(now.labels, then.labels)
    assert torch.equal(run.test_images(), run.test)


def test_files_that_are_numbered_anew_after_one_went(run: Run) -> None:
    """Every name but the last is there, and is another image's."""
    ring = sorted((run.root / "ring").iterdir())
    lost = next(path for path in ring if f"ring/{path.name}" in run.names("train"))
    trained = [name for name in run.names("train") if name.startswith("ring/") and name > f"ring/{lost.name}"]
    lost.unlink()
    for path in ring[ring.index(lost) + 1 :]:
        path.rename(path.with_name(f"{int(path.stem) - 1:02}.bmp"))
    found, changes = run.compared()
    assert (changes.went["train"], changes.renamed["train"]) == (1, len(trained))
    left = [i for i, name in enumerate(run.names("train")) if name != f"ring/{lost.name}"]
    assert torch.equal(found.data.train.images, run.then.train.images[left])
    assert torch.equal(found.data.validation.images, run.then.validation.images)


def test_two_that_changed_names_and_one_whose_name_another_got(run: Run) -> None:
    names = [name for name in run.names("train") if name.startswith("cube/")]
    first, second, third = (run.root / name for name in names[:3])
    first.rename(run.root / "kept.tmp")
    second.rename(first)
    (run.root / "kept.tmp").rename(second)
    third.rename(third.with_name("moved.bmp"))
    picture(999).resize((10, 200)).save(third)
    found, changes = run.compared()
    assert str(changes) == "1 came, 3 renamed (training: 3 renamed)"
    assert torch.equal(found.data.train.images, run.then.train.images)


def test_an_image_of_another_class_is_not_the_same(run: Run) -> None:
    name = next(name for name in run.names("train") if name.startswith("cube/"))
    (run.root / name).rename(run.root / "ring" / "was_a_cube.bmp")
    _, changes = run.compared()
    assert str(changes) == "1 came, 1 went (training: 1 went)"


def test_a_copy_that_came_is_no_renaming(run: Run) -> None:
    name = run.names("validation")[0]
    shutil.copy(run.root / name, (run.root / name).with_name("copy.bmp"))
    _, changes = run.compared()
    assert str(changes) == "1 came"


@pytest.fixture
def alike(tmp_path: Path) -> Run:
    """All files have one size, as those of cameras that compress nothing."""
    return Run(make_folder(tmp_path / "toys"), tmp_path / "list")


def test_a_training_image_never_becomes_a_test_image(alike: Run) -> None:
    """One that is trained on takes another class, from which a test image is gone."""
    gone = alike.names("test")[0]
    (alike.root / gone).unlink()
    other = next(name for name in alike.names("train") if name.split("/")[0] != gone.split("/")[0])
    (alike.root / other).rename((alike.root / gone).with_name("relabelled.bmp"))
    _, changes = alike.compared()
    assert str(changes) == "1 came, 2 went (training: 1 went; test: 1 went)"
    assert len(alike.test_images()) == 11


def test_a_training_image_under_the_name_of_a_test_image_is_none(alike: Run) -> None:
    """After one went all others are numbered anew, so each is in the file of the one before."""
    for kind in CLASSES:
        files = sorted((alike.root / kind).iterdir())
        files[0].unlink()
        for path in files[1:]:
            path.rename(path.with_name(f"{int(path.stem) - 1:02}.bmp"))
    found, changes = alike.compared()
    lost = [
        name for part in ("train", "validation") for name in alike.names(part) if name.endswith("/00.bmp")
    ]
    assert lost and changes.kept["train"] + changes.kept["validation"] == 40 - len(lost)
    seen = {
        image.numpy().tobytes()
        for split in (alike.then.train, alike.then.validation)
        for image in split.images
    }
    assert not [image for image in alike.test_images() if image.numpy().tobytes() in seen]
    assert len(found.data.train) == changes.kept["train"]


@pytest.mark.parametrize(("kinds", "number"), [(("cube",), None), (CLASSES, 40)])
def test_names_that_images_of_the_search_exchange(
    alike: Run, kinds: tuple[str, ...], number: int | None
) -> None:
    """No name comes or goes; where all do so, no image of the search is in the file of its name."""
    names = alike.names("train") + alike.names("validation")
    for kind in kinds:
        ours = [alike.root / name for name in names if name.startswith(f"{kind}/")]
        contents = [path.read_bytes() for path in ours]
        for path, content in zip(ours, contents[1:] + contents[:1], strict=True):
            path.write_bytes(content)
    number = number or len(ours)
    found, changes = alike.compared()
    assert str(changes).startswith(f"{number} renamed")
    assert torch.equal(found.data.train.images, alike.then.train.images)
    assert torch.equal(found.data.validation.images, alike.then.validation.images)


def test_where_more_came_than_went_none_is_taken_for_a_test_image(run: Run) -> None:
    gone = run.root / run.names("test")[0]
    size = Image.open(gone).size
    gone.unlink()
    for number in range(2):
        picture(700 + number).resize(size).save(gone.with_name(f"new{number}.bmp"))
    _, changes = run.compared()
    assert str(changes) == "2 came, 1 went (test: 1 went)"
    assert len(run.test_images()) == 11


def test_a_new_file_of_the_size_of_a_test_image_is_none_where_images_came_and_went(run: Run) -> None:
    first, second = [run.root / name for name in run.names("test") if name.startswith("cube/")][:2]
    size = Image.open(first).size
    first.unlink()
    second.unlink()
    picture(700).resize(size).save(first.with_name("new.bmp"))
    picture(701).resize((10, 200)).save(first.with_name("other.bmp"))
    _, changes = run.compared()
    assert str(changes) == "2 came, 2 went (test: 2 went)"
    assert len(run.test_images()) == 10


def test_test_images_are_found_under_other_names_beside_new_ones(run: Run) -> None:
    for name in run.names("test"):
        (run.root / name).rename((run.root / name).with_suffix(".old.bmp"))
    picture(701).resize((10, 200)).save(run.root / "cube" / "new.bmp")
    _, changes = run.compared()
    assert str(changes) == "1 came, 12 renamed (test: 12 renamed)"
    assert torch.equal(run.test_images(), run.test)


def test_renamed_test_images_in_a_folder_of_their_own_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "toys" / "train")
    make(tmp_path / "toys" / "test", 4)
    run = Run(tmp_path / "toys", tmp_path / "list")
    for path in sorted((tmp_path / "toys" / "test").rglob("*.bmp")):
        path.rename(path.with_name(f"b{path.name}"))
    opened, really = [], Image.open

    def spy(path: Path) -> Image.Image:
        opened.append(Path(path))
        return really(path)

    monkeypatch.setattr(Image, "open", spy)
    _, changes = run.compared()
    assert str(changes) == "12 renamed (test: 12 renamed)"
    assert not [path for path in opened if "test" in path.relative_to(run.root).parts]
    assert torch.equal(run.test_images(), run.test)
