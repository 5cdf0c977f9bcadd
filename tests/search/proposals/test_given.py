"""Configs that are tried first are of the run's own backbone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcsearch.core.config import write_config
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.runs.settings import RunSettings
from lcsearch.search.proposals.given import read_given

LAYERS = {"inception5b.branch1.conv": LinearSpec(0.25)}


@pytest.mark.parametrize("written", ["torchvision:googlenet", "torchvision:googlenet@pretrained"])
@pytest.mark.parametrize("searched", ["torchvision:googlenet", "torchvision:googlenet@pretrained"])
def test_a_config_serves_a_net_with_and_without_the_settings_of_its_weights(
    written: str, searched: str, tmp_path: Path
) -> None:
    write_config(tmp_path / "c.yaml", TrialSpec(ModelSpec(written, 1000, 3, layers=LAYERS)))
    plain = ModelSpec(searched, 5, 3)
    found = read_given([str(tmp_path / "c.yaml")], plain, RunSettings(searched, "digits"))
    assert [spec.model for spec in found] == [ModelSpec(searched, 5, 3, layers=LAYERS)]


def test_a_config_of_another_net_is_refused(tmp_path: Path) -> None:
    write_config(tmp_path / "c.yaml", TrialSpec(ModelSpec("torchvision:resnet18", 5, 3)))
    plain = ModelSpec("torchvision:googlenet@pretrained", 5, 3)
    with pytest.raises(InputError, match="is for backbone 'torchvision:resnet18', not"):
        read_given([str(tmp_path / "c.yaml")], plain, RunSettings(plain.backbone, "digits"))


def test_a_config_keeps_its_channels(tmp_path: Path) -> None:
    layers = {"features.4": LinearSpec(0.25)}
    model = ModelSpec("vgg11", 1000, 3, 1.0, layers, {"features.4": 0.5}, (16, 16))
    write_config(tmp_path / "c.yaml", TrialSpec(model))
    (found,) = read_given(
        [str(tmp_path / "c.yaml")], ModelSpec("vgg11", 5, 1), RunSettings("vgg11", "digits")
    )
    assert found.model == ModelSpec("vgg11", 5, 1, 1.0, layers, {"features.4": 0.5}, (16, 16))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            "channels: {features.O: 0.5}\nimage_size: [8, 8]\n",
            ["given", "no group of channels 'features.O'; did you mean 'features."],
        ),
        ("channels: {features.0: 0.5}\n", ["image_size: is missing"]),
        ("channels: {features.0: 1.5}\nimage_size: [8, 8]\n", ['channels."features.0": 1.5 is not allowed']),
        ("channels: {stem: 0.5}\nimage_size: [8, 8]\n", ["there is no group of channels 'stem'"]),
    ],
)
def test_channels_that_do_not_fit_are_refused(written: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"version: 1\nbackbone: vgg11\nnum_classes: 10\nin_channels: 1\nlayers: {{}}\n{written}")
    with pytest.raises(InputError) as found:
        read_given([str(path)], ModelSpec("vgg11", 10, 1), RunSettings("vgg11", "digits"))
    said = str(found.value)
    assert "\n" not in said and str(path) in said and all(part in said for part in words), said
