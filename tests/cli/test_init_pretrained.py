"""``lcsearch run --init pretrained``: net and images are those that the weights are for, up to the export."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path

import published_nets
import pytest
import torch
import torchvision
import yaml
from inline_engine import installed_inline
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

import lcsearch
from lcsearch.cli.main import call
from lcsearch.core.errors import InputError
from lcsearch.data import SearchData
from lcsearch.nets.surgery import fold
from lcsearch.runs.read import read_run

ONE_LAYER = """
version: 1
backbone: torchvision:*net
layers:
  "*5b.branch1.conv": {kind: [conv, linear], alpha: {low: 0.25, high: 0.5}}
  "*": {kind: [conv]}
"""
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.fixture(scope="module", autouse=True)
def in_this_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed_inline(tmp_path_factory.mktemp("installed")):
        yield


def colours() -> tuple[tuple[Tensor, Tensor], ...]:
    """Dark and light images, whose own mean and deviation are those of no weights."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(48) % 2
    noise = torch.randint(0, 130, (48, 3, 32, 32), generator=random)
    images = (noise + 120 * labels.view(-1, 1, 1, 1)).byte()
    return (images, labels), (images, labels)


COLOURS = f"{__name__}:colours"


def run(dataset: str, out: Path, net: str = "torchvision:googlenet") -> int:
    given = ["--backbone", net, "--init", "pretrained", "--new-head", "--dataset", dataset]
    space = out.with_name("one_layer.yaml")
    space.write_text(ONE_LAYER)
    given += ["--space", str(space)]
    small = ["--image-size", "32", "--batch-size", "16", "--trials", "1", "--engine", "inline", "--jobs", "1"]
    return call(["run", *given, *small, "--out", str(out)])


@pytest.mark.slow
def test_settings_and_normalisation_follow_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = published_nets.publish(monkeypatch, "googlenet")
    out = tmp_path / "run"
    assert run(COLOURS, out) == 0
    settings = yaml.safe_load((out / "run.yaml").read_text())["settings"]
    assert settings["backbone"] == "torchvision:googlenet@pretrained"
    assert settings["normalisation"] == {"mean": MEAN, "std": STD}
    assert read_run(out).trials[0].spec.model.backbone == settings["backbone"]
    kept = load_file(out / "start/backbone.safetensors")
    assert torch.equal(kept["conv1.conv.weight"], found["conv1.conv.weight"])
    assert "images are normalised as the weights of" in html.unescape((out / "report.html").read_text())
    for kind in ("yaml", "weights"):
        file = tmp_path / f"out.{'yaml' if kind == 'yaml' else 'safetensors'}"
        assert call(["export", str(out), "--trial", "0", "--format", kind, "-o", str(file)]) == 0
    assert lcsearch.load_model(tmp_path / "out.yaml").transform_input
    check_export(tmp_path / "out.safetensors")


def check_export(file: Path) -> None:
    """The exported model computes what torchvision's net with its own settings does."""
    with safe_open(file, "pt") as opened:
        asked = json.loads(opened.metadata()["input"])
    assert (asked["mean"], asked["std"]) == (MEAN, STD)
    model = fold(lcsearch.load_model(file))
    theirs = torchvision.models.googlenet(
        num_classes=2, transform_input=True, aux_logits=False, init_weights=False
    )
    theirs.load_state_dict(model.state_dict())
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model(images), theirs.eval()(images))


def test_images_of_other_channels_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("digits", tmp_path / "run") == 2
    said = capfd.readouterr().err.strip().splitlines()
    assert said[-1].startswith("lcsearch: error: --init") and "3 channels" in said[-1]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_sensitivity_looks_as_the_weights_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    published_nets.publish(monkeypatch, "googlenet")
    space = tmp_path / "one_layer.yaml"
    space.write_text(ONE_LAYER)
    seen = list[tuple[object, ...]]()

    def looked(model: torch.nn.Module, layers: object, data: SearchData, **options: object) -> object:
        seen.append((model.transform_input, data.info.mean, data.info.std))
        raise InputError("looked at")

    monkeypatch.setattr("lcsearch.compress.sensitivity.measure", looked)
    images = ["--dataset", COLOURS, "--image-size", "32", "--space", str(space)]
    given = ["--backbone", "torchvision:googlenet", "--init", "pretrained", "--new-head"]
    assert call(["sensitivity", *given, *images]) == 2
    assert seen == [(True, tuple(MEAN), tuple(STD))]
    assert "images are normalised as the weights of" in capfd.readouterr().err
