"""The start folder: what is made, what is left as it is, what a killed run finds again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from lcsearch.compress import sensitivity
from lcsearch.compress.cut_out import cut_out, first_images
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.data import SearchData, load
from lcsearch.nets.surgery import build_model
from lcsearch.train import evaluate
from lcsearch.train.start import Start, prepare
from lcsearch.train.teacher import read_teacher

pytestmark = pytest.mark.slow

PLAIN = ModelSpec("base", 10, 1)
LAYERS = ("features.4", "features.8")
RECIPE = Recipe(epochs=1, init="backbone", distill=0.5)


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "WORK", 0)


@pytest.fixture(scope="module")
def images() -> SearchData:
    return load("digits", train_images=400, validation_images=200, image_size=16)


@pytest.fixture(scope="module")
def backbone() -> nn.Module:
    torch.manual_seed(0)
    return build_model(PLAIN).eval()


@pytest.fixture
def start(backbone: nn.Module, tmp_path: Path) -> Start:
    made = Start(tmp_path / "run" / "start")
    made.write_backbone(backbone.state_dict())
    return made


def fill(start: Start, images: SearchData, recipe: Recipe = RECIPE, said: list[str] | None = None) -> None:
    prepare(
        start.folder,
        template=PLAIN,
        layers=LAYERS,
        data=lambda: images,
        recipe=recipe,
        seed=7,
        device="cpu",
        threads=1,
        progress=([] if said is None else said).append,
    )


def test_it_is_filled_and_a_second_time_nothing_is_computed(start: Start, images: SearchData) -> None:
    said: list[str] = []
    fill(start, images, said=said)
    assert said and start.teacher.is_file() and start.sensitivity.is_file()
    found = start.read_sensitivity()
    assert {row.layer for row in found.rows} == set(LAYERS)
    before = {path.name: path.stat().st_mtime_ns for path in start.folder.iterdir()}

    def nothing() -> SearchData:
        raise AssertionError("nothing is needed")

    prepare(
        start.folder,
        template=PLAIN,
        layers=LAYERS,
        data=nothing,
        recipe=RECIPE,
        seed=7,
        device="cpu",
    )
    assert {path.name: path.stat().st_mtime_ns for path in start.folder.iterdir()} == before


def test_left_in_the_middle_it_goes_on(start: Start, images: SearchData) -> None:
    def leave(line: str) -> None:
        if start.teacher.is_file():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(
            start.folder, template=PLAIN, layers=LAYERS, data=lambda: images,
            recipe=RECIPE, seed=7, device="cpu", progress=leave,
        )  # fmt: skip
    written = start.teacher.stat().st_mtime_ns
    assert not start.sensitivity.is_file()
    fill(start, images)
    assert start.sensitivity.is_file() and start.teacher.stat().st_mtime_ns == written


def test_without_distillation_there_is_no_teacher(start: Start, images: SearchData) -> None:
    fill(start, images, replace(RECIPE, distill=0.0))
    assert not start.teacher.is_file()


@pytest.mark.parametrize(("asked", "meanwhile"), [(1, 1), (0, 2)])
def test_threads_are_set_and_put_back(start: Start, images: SearchData, asked: int, meanwhile: int) -> None:
    before, seen = torch.get_num_threads(), set()
    torch.set_num_threads(2)
    try:
        prepare(
            start.folder, template=PLAIN, layers=LAYERS, data=lambda: images, recipe=RECIPE, seed=7,
            device="cpu", threads=asked, progress=lambda line: seen.add(torch.get_num_threads()),
        )  # fmt: skip
        assert seen == {meanwhile} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_teacher_is_the_backbone_on_the_images_as_they_are(
    start: Start, images: SearchData, backbone: nn.Module
) -> None:
    fill(start, images)
    info = images.info
    pixels = (images.train.images.float() / 255 - info.mean[0]) / info.std[0]
    with torch.no_grad():
        expected = backbone(pixels)
    torch.testing.assert_close(read_teacher(start.teacher).outputs[0], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(first_images(images, 30), pixels[:30])


def test_damaged_files_are_one_clear_line(start: Start, images: SearchData) -> None:
    start.sensitivity.write_text("{")
    with pytest.raises(InputError, match=r"sensitivity\.json: does not read"):
        start.read_sensitivity()
    start.compressed.write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"compressed\.safetensors: is neither a safetensors file"):
        start.read_compressed(build_model(PLAIN))
    start.sensitivity.unlink()
    start.backbone.unlink()
    with pytest.raises(InputError, match=r"backbone\.safetensors"):
        fill(start, images)


def test_nothing_compressed_is_the_backbone_itself(images: SearchData, backbone: nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    model = cut_out(backbone, PLAIN, images)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert evaluate(model, images.validation, images.info) == evaluate(
        backbone, images.validation, images.info
    )
