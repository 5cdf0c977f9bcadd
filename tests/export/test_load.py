"""``lcsearch.load_model`` and ``lcsearch.convert`` in the user's own code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import FULL, INFO, SPARSE, everywhere, lively
from torch import nn

import lcsearch
from lcsearch.core.config import config_text, write_config
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.export.formats import weights
from lcsearch.export.source import About
from lcsearch.layers.families.linear import LinearSpec

PUBLIC = {
    "LinearConv2d",
    "Tracker",
    "TrialReport",
    "TrialSpec",
    "__version__",
    "build_model",
    "convert",
    "during",
    "load_model",
    "penalty",
    "prune_coefficients",
    "read_run",
    "search",
}


@pytest.mark.slow
def test_importing_lcsearch_imports_nothing_heavy() -> None:
    code = "import sys, lcsearch; print('torch' in sys.modules, lcsearch.__version__); lcsearch.LinearConv2d"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"False {lcsearch.__version__}\n"


def test_these_names_are_there_and_no_others() -> None:
    from lcsearch.layers import LinearConv2d

    assert lcsearch.LinearConv2d is LinearConv2d
    assert set(lcsearch.__all__) == PUBLIC
    assert PUBLIC <= set(dir(lcsearch)) <= PUBLIC | set(vars(lcsearch))
    assert all(hasattr(lcsearch, name) for name in PUBLIC), "each is where it is said to be"
    with pytest.raises(AttributeError, match="'lcsearch' has no attribute 'convrt'"):
        lcsearch.convrt  # noqa: B018


class Mine(nn.Module):
    """A user's own net."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.deep = nn.Conv2d(16, 32, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.deep(torch.relu(self.stem(x))).mean((2, 3))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "best.yaml"
    layers = {"deep": LinearSpec(0.25)}
    write_config(path, TrialSpec(ModelSpec("mynets.small:make", 32, 3, layers=layers)))
    return path


def test_a_config_converts_a_model_of_ones_own(config: Path) -> None:
    torch.manual_seed(0)
    model = Mine()
    stem, bias = model.stem, model.deep.bias
    assert lcsearch.convert(model, config) is model
    assert model.stem is stem
    layer = model.deep
    assert isinstance(layer, lcsearch.LinearConv2d) and layer.primary.shape == (8, 16, 3, 3)
    assert bias is not None


def test_trained_keeps_the_net_as_far_as_the_layers_can(config: Path) -> None:
    torch.manual_seed(0)
    model = Mine()
    before = model.deep.weight.detach().flatten(1)
    lcsearch.convert(model, str(config), trained=True)
    layer = model.deep
    assert isinstance(layer, lcsearch.LinearConv2d)
    after = layer.to_conv().weight.detach().flatten(1)
    sizes = torch.linalg.svdvals(before)
    best = sizes[len(layer.primary) :].square().sum().sqrt()  # of all filters of so many dimensions
    assert best <= (after - before).norm() * 1.0001
    assert (after - before).norm() < 1.05 * best


def test_a_config_builds_fresh_weights(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    write_config(path, TrialSpec(everywhere("base", FULL, 0.25)))
    first, second = lcsearch.load_model(path), lcsearch.load_model(path)
    assert first.training and first(torch.zeros(2, 1, 16, 16)).shape == (2, 10)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, nn.Module]:
    spec = everywhere("base", SPARSE, 0.25)
    model, path = lively(spec), tmp_path / "best.safetensors"
    weights.FORMAT.write(model, About(config_text(TrialSpec(spec)), INFO), path)
    return path, model


def test_a_weights_file_fills_a_model_of_the_same_shape(trained: tuple[Path, nn.Module]) -> None:
    from lcsearch.nets.backbones import build

    path, model = trained
    own = build("base", num_classes=10, in_channels=1, width=0.25)
    images = torch.rand(3, 1, 16, 16)
    assert torch.equal(lcsearch.convert(own, path).eval()(images), model(images))


def test_files_for_another_backbone_are_one_clear_line(
    trained: tuple[Path, nn.Module], config: Path, tmp_path: Path
) -> None:
    from lcsearch.nets.backbones import build

    path, _ = trained
    for model, file, reason in (
        (Mine(), path, "is for 'base', not for this model: layers: the net has no convolution 'features.0'"),
        (build("base", num_classes=3, in_channels=1, width=0.25), path, "holds the weights of another model"),
        (
            build("base", num_classes=10, in_channels=1),
            config,
            "is for 'mynets.small:make', not for this model",
        ),
    ):
        with pytest.raises(InputError, match=reason) as found:
            lcsearch.convert(model, file)
        assert str(file) in str(found.value) and "\n" not in str(found.value)
    with pytest.raises(InputError, match="trained=True"):
        lcsearch.convert(Mine(), path, trained=True)
    with pytest.raises(InputError, match=r"best\.yaml"):
        lcsearch.load_model(config)
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        lcsearch.load_model(tmp_path / "none.yaml")
