"""What users bring that no search can take, images, nets and weights: one line each, and no run is made."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from refused_nets import Small
from safetensors.torch import save_file
from torch import nn

from lcsearch.cli.main import call

pytestmark = pytest.mark.slow

SMALL = [
    "--train-images",
    "60",
    "--validation-images",
    "30",
    "--image-size",
    "8",
    "--epochs",
    "1",
    "--trials",
    "2",
]


def refused(
    arguments: list[str], expected: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert call(["run", *SMALL, *arguments, "--out", str(out)]) == 2
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1, said
    assert said.startswith("lcsearch: error: ") and all(part in said for part in expected), said
    assert not out.exists()


def pictures(folder: Path, count: int = 80) -> None:
    draw = np.random.default_rng(3)
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = draw.integers(0, 255, (9, 9, 3)).astype("uint8")
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def parts(folder: Path) -> None:
    pictures(folder / "train")
    pictures(folder / "test", 5)


def no_classes(folder: Path) -> None:
    pictures(folder / "cats")
    for path in list((folder / "cats").glob("*/*.png")):
        path.rename(folder / f"{path.parent.name}-{path.name}")
    for name in ("cats/cats", "cats/dogs", "cats"):
        (folder / name).rmdir()


def an_empty_class(folder: Path) -> None:
    pictures(folder)
    (folder / "birds").mkdir()


def a_dead_link(folder: Path) -> None:
    pictures(folder)
    (folder / "dogs" / "linked.png").symlink_to(folder / "away.png")


def no_text(folder: Path) -> None:
    pictures(folder)
    (folder / "dogs" / "1.png").rename(folder / "dogs" / os.fsdecode(b"caf\xe9.png"))


def far_too_bright(folder: Path) -> None:
    pictures(folder)
    Image.fromarray(np.full((9, 9), 300, dtype="float32")).save(folder / "cats" / "raw.tiff")


def too_deep(folder: Path) -> None:
    pictures(folder)
    Image.fromarray(np.full((9, 9), 70_000, dtype="int32")).save(folder / "cats" / "deep.tiff")


def no_picture(folder: Path) -> None:
    pictures(folder)
    (folder / "cats" / "7.png").write_bytes(b"GIF89a, or so it says")


def no_picture_in_test(folder: Path) -> None:
    parts(folder)
    (folder / "test" / "dogs" / "2.png").write_bytes(b"\x89PNG\r\n")


def no_picture_of_a_class_in_test(folder: Path) -> None:
    parts(folder)
    for path in (folder / "test" / "dogs").iterdir():
        path.unlink()


FOLDERS: list[tuple[Callable[[Path], None], list[str]]] = [
    (no_classes, ["0 class folders", "at least 2"]),
    (an_empty_class, ["photos/birds: there is no image"]),
    (a_dead_link, ["photos/dogs/linked.png: a link to", "away.png"]),
    (no_text, ["photos/dogs/caf", "not UTF-8"]),
    (far_too_bright, ["photos/cats/raw.tiff", "mode F from 300", "0 to 1"]),
    (too_deep, ["photos/cats/deep.tiff", "mode I from 70,000", "65,535"]),
    (no_picture, ["photos/cats/7.png: no readable image"]),
    (no_picture_in_test, ["photos/test/dogs/2.png: no readable image"]),
    (no_picture_of_a_class_in_test, ["photos/test/dogs: there is no image"]),
]


@pytest.mark.parametrize(("write", "expected"), FOLDERS, ids=[write.__name__ for write, _ in FOLDERS])
def test_image_folders(
    write: Callable[[Path], None], expected: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    write(folder)
    asked = ["--backbone", "base", "--dataset", f"folder:{folder}"]
    refused(asked, expected, tmp_path, capfd)


NETS = [
    ("twice_the_outputs", ["--backbone", "20 outputs", "10 classes"]),
    ("nothing_finite", ["--backbone", "NaN or infinity"]),
    ("scripted", ["--backbone", "torch.jit"]),
    ("a_map_of_scores", ["--backbone", "(2, 10, 8, 8)", "(2, 10)"]),
    ("a_number", ["--backbone", "without a tensor"]),
    ("other_channels", ["'first'", "1 x 8 x 8", "3 channels"]),
    ("no_gradient", ["--backbone", "cannot be trained"]),
    ("Missing", ["--backbone", "no 'Missing'"]),
]


@pytest.mark.parametrize(("name", "expected"), NETS)
def test_nets(name: str, expected: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused(["--backbone", f"refused_nets:{name}", "--dataset", "digits"], expected, tmp_path, capfd)


def a_whole_model(path: Path) -> None:
    torch.save(Small(10, 1), path)


def a_scripted_model(path: Path) -> None:
    torch.jit.trace(Small(10, 1), torch.zeros(1, 1, 8, 8)).save(path)  # type: ignore[no-untyped-call]


def of_another_net(path: Path) -> None:
    torch.save(nn.Conv2d(1, 2, 3).state_dict(), path)


def with_other_shapes(path: Path) -> None:
    save_file(dict(Small(10, 3).state_dict()), path)


def with_nan(path: Path) -> None:
    state = Small(10, 1).state_dict()
    state["second.weight"][0, 0, 0, 0] = float("nan")
    torch.save({"model": state}, path)


def a_list(path: Path) -> None:
    path.write_bytes(pickle.dumps([1, 2, 3]))


def only_settings(path: Path) -> None:
    torch.save({"epoch": 3, "lr": 0.1}, path)


def half_a_file(path: Path) -> None:
    torch.save(Small(10, 1).state_dict(), path)
    path.write_bytes(path.read_bytes()[:2000])


WEIGHTS: list[tuple[Callable[[Path], None], list[str]]] = [
    (a_whole_model, ["refused_nets.Small", "state_dict"]),
    (a_scripted_model, ["scripted model", "state_dict"]),
    (of_another_net, ["lacks first.weight", "which the backbone has not"]),
    (with_other_shapes, ["first.weight: expected [12, 1, 3, 3], found [12, 3, 3, 3]"]),
    (with_nan, ["NaN or infinity in second.weight"]),
    (a_list, ["state_dict"]),
    (only_settings, ["no tensors by name", "epoch, lr"]),
    (half_a_file, ["is damaged"]),
]


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(("write", "expected"), WEIGHTS, ids=[write.__name__ for write, _ in WEIGHTS])
def test_weights(
    write: Callable[[Path], None], expected: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "mine.weights"
    write(weights)
    asked = ["--backbone", "refused_nets:Small", "--dataset", "digits", "--init", str(weights)]
    refused(asked, [f"--init {weights}: ", *expected], tmp_path, capfd)
