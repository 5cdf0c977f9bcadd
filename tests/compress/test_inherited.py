"""Models that are cut out of trained models with separable layers: what these hold is not lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import cut_out, first_images
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers import SeparableConv2d
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.nets.surgery import build_model
from lcsearch.nets.tensors import write_state
from lcsearch.nets.weights import load_parent

FIRST, SECOND = "features.4", "features.8"
PARENT = ModelSpec("base", 4, 2, 0.25, layers={FIRST: SeparableSpec(3), SECOND: SeparableSpec(2, 8)})


@pytest.fixture(scope="module")
def data() -> SearchData:
    torch.manual_seed(1)
    images = torch.randint(0, 256, (100, 2, 8, 8), dtype=torch.uint8)
    split = Split(images, torch.randint(0, 4, (100,)))
    return SearchData(DatasetInfo("drawn", 4, 2, 8, (0.5, 0.4), (0.25, 0.2), True, 2), split, split)


@pytest.fixture
def trained(data: SearchData) -> nn.Module:
    """A parent whose statistics are those of the images, as they are after training."""
    torch.manual_seed(0)
    model = build_model(PARENT).eval()
    reestimate(model, first_images(data, 100))
    return model


def child(trained: nn.Module, layers: Mapping[str, LayerSpec], data: SearchData, folder: Path) -> nn.Module:
    """What a search cuts out of the parent's weights."""
    write_state(trained.state_dict(), folder / "weights.safetensors")
    whole = load_parent(PARENT, folder / "weights.safetensors")
    return cut_out(whole, replace(PARENT, layers=layers), data)


@torch.no_grad()
def far(model: nn.Module, trained: nn.Module, images: Tensor) -> float:
    """How far the answers of two models are apart, as a share of how far they scatter."""
    wanted = trained(images)
    return float((model.eval()(images) - wanted).norm() / (wanted - wanted.mean(0)).norm())


@pytest.mark.parametrize(
    "layers",
    [
        {},
        PARENT.layers,
        {FIRST: SeparableSpec(3)},
        {FIRST: SeparableSpec(4), SECOND: SeparableSpec(2)},
        {FIRST: SeparableSpec(3, 8), SECOND: SeparableSpec(3, 8)},
    ],
    ids=["plain", "the same", "one plain", "more terms", "other ranks"],
)
def test_a_child_that_can_be_what_its_parent_is_answers_the_same(
    trained: nn.Module, layers: Mapping[str, LayerSpec], data: SearchData, tmp_path: Path
) -> None:
    made = child(trained, layers, data, tmp_path)
    build_model(replace(PARENT, layers=layers)).load_state_dict(made.state_dict())
    assert far(made, trained, first_images(data, 100)) < 1e-3


@pytest.mark.parametrize("spec", [SeparableSpec(1), SeparableSpec(2), LinearSpec(0.5), LinearSpec(0.5, 4)])
def test_a_smaller_child_of_any_family_comes_near(
    trained: nn.Module, spec: LayerSpec, data: SearchData, tmp_path: Path
) -> None:
    """Answers that have nothing to do with each other are apart by the root of 2."""
    made = child(trained, {FIRST: spec, SECOND: PARENT.layers[SECOND]}, data, tmp_path)
    assert 1e-3 < far(made, trained, first_images(data, 100)) < 1.2


def test_fewer_terms_are_the_leading_ones_of_the_parent(
    trained: nn.Module, data: SearchData, tmp_path: Path
) -> None:
    """The first layer that is cut gets what its parent's got, so nothing is to be made up for."""
    made = child(trained, {FIRST: SeparableSpec(2), SECOND: PARENT.layers[SECOND]}, data, tmp_path)
    layer, parent = made.get_submodule(FIRST), trained.get_submodule(FIRST)
    assert isinstance(layer, SeparableConv2d) and isinstance(parent, SeparableConv2d)
    left, values, right = torch.linalg.svd(parent.filters().detach().flatten(2), full_matrices=False)
    wanted = (left[:, :, :2] * values[:, None, :2]) @ right[:, :2]
    torch.testing.assert_close(layer.filters().flatten(2), wanted, rtol=1e-3, atol=1e-5)
