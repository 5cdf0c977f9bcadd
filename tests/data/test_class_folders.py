"""Which files of class folders are taken; the order is compared with torchvision's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from lcsearch.core.errors import InputError
from lcsearch.data.class_folders import class_names, find_images


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """Two classes with images at several depths."""
    for name in (
        "owl/b.png",
        "owl/a.png",
        "owl/x-1/c.JPG",
        "owl/x/d.png",
        "owl/x/y/a.png",
        "wren/z.bmp",
        "wren/2/1.png",
    ):
        written(tmp_path / name)
    return tmp_path


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3, 3)).save(path)
    return path


def said(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        find_images(folder, class_names(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_images_come_in_the_order_of_torchvision(birds: Path) -> None:
    found, expected = find_images(birds, class_names(birds)), ImageFolder(birds)
    assert class_names(birds) == expected.classes
    assert [(str(f), k) for f, k in zip(found.files, found.labels.tolist(), strict=True)] == expected.samples
    assert len(found.files) == 7 and found.left_out == ()


def test_hidden_folders_and_files_are_left_out_and_said(birds: Path) -> None:
    before = find_images(birds, class_names(birds)).files
    for name in (".ipynb_checkpoints/b-checkpoint.png", "owl/.Trash-0/b.png", "wren/2/._1.png"):
        written(birds / name)
    (birds / "owl" / ".DS_Store").touch()
    found = find_images(birds, class_names(birds))
    assert class_names(birds) == ["owl", "wren"] and found.files == before
    assert found.left_out == (
        f"left out of {birds.name}/: 3 hidden files or folders, such as .ipynb_checkpoints",
    )


def test_what_else_is_left_out_is_said_with_the_first_of_it(birds: Path) -> None:
    for name in ("owl/b.gif", "wren/2/list.txt", "README"):
        (birds / name).touch()
    os.mkfifo(birds / "wren" / "pipe.png")
    written(birds / "stray.png")
    assert find_images(birds, class_names(birds)).left_out == (
        f"left out of {birds.name}/: 1 image beside the class folders, such as stray.png; "
        "3 files that are no images by their names, such as owl/b.gif",
    )


def test_dead_links_are_refused_wherever_they_lie(birds: Path) -> None:
    for name in ("owl/x/e.png", "wren/more", "crow"):
        (birds / name).symlink_to("/no/such/place")
        assert said(birds) == f"{birds / name}: a link to /no/such/place, which is not there"
        (birds / name).unlink()
    (birds / "owl" / "self.png").symlink_to("self.png")
    assert said(birds) == f"{birds}/owl/self.png: a link to self.png, which is not there"
    (birds / "owl" / "self.png").rename(birds / "owl" / ".#hidden.png")
    assert len(find_images(birds, class_names(birds)).files) == 7


def test_links_to_files_and_folders_are_followed_but_not_around(
    birds: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    written(elsewhere / "deep" / "1.png")
    (birds / "owl" / "far").symlink_to(elsewhere)
    (birds / "crow").symlink_to(elsewhere / "deep")
    (birds / "wren" / "same.png").symlink_to(birds / "wren" / "z.bmp")
    found = find_images(birds, class_names(birds))
    assert [(str(f), k) for f, k in zip(found.files, found.labels.tolist(), strict=True)] == ImageFolder(
        birds
    ).samples
    assert len(found.files) == 10
    (birds / "owl" / "x" / "up").symlink_to("../..")
    assert said(birds) == f"{birds}/owl/x/up: a link to a folder that it lies in"


@pytest.mark.parametrize("name", [b"owl/caf\xe9.png", b"owl/caf\xe9/1.png", b"caf\xe9/1.png"])
def test_names_that_are_not_utf_8_are_refused(birds: Path, name: bytes) -> None:
    odd = Path(os.fsdecode(os.fsencode(birds) + b"/" + name))
    odd.parent.mkdir(exist_ok=True)
    odd.write_bytes((birds / "owl" / "a.png").read_bytes())
    assert r"caf\xe9" in said(birds) and said(birds).endswith(": its name is not UTF-8; rename it")


def test_other_alphabets_are_fine(birds: Path) -> None:
    written(birds / "梨 🍐" / "é.png")
    assert class_names(birds)[-1] == "梨 🍐" and len(find_images(birds, class_names(birds)).files) == 8


def test_an_empty_class_is_refused_with_what_it_holds_instead(birds: Path) -> None:
    (birds / "crow").mkdir()
    assert said(birds) == f"{birds}/crow: there is no image in it"
    (birds / "crow" / "1.gif").touch()
    written(birds / "crow" / ".hidden.png")
    (birds / "owl" / "2.gif").touch()
    assert said(birds) == (
        f"{birds}/crow: there is no image in it; left out of {birds.name}/: 1 hidden file or folder, such as "
        "crow/.hidden.png; 1 file that is no image by its name, such as crow/1.gif"
    )


def test_a_class_may_lack_where_that_is_allowed(birds: Path) -> None:
    (birds / "crow").mkdir()
    found = find_images(birds, ["crow", "owl", "rook", "wren"], may_lack=True)
    assert found.labels.tolist() == [1] * 5 + [3] * 2


def test_a_folder_that_cannot_be_read_is_named(birds: Path) -> None:
    with pytest.raises(InputError, match="gone: cannot be read"):
        find_images(birds, ["gone"])
