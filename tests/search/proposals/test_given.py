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
