"""``lcsearch.load_model`` and ``lcsearch.convert`` of configs and weights with channels."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from channel_nets import Chain, FixedView, Residual
from small_runs import INFO, SPECS, lively
from torch import Tensor, nn

import lcsearch
from lcsearch.core.config import config_text, read_config, write_config
from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec, ModelSpec, TrialSpec
from lcsearch.export.formats import weights
from lcsearch.export.source import About
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.backbones import build

IMAGE = (3, 8, 8)
LAYERS: dict[str, LayerSpec] = {"two": LinearSpec(0.5)}


def config(folder: Path, channels: dict[str, float], layers: dict[str, LayerSpec] = LAYERS) -> Path:
    path = folder / "best.yaml"
    write_config(path, TrialSpec(ModelSpec("mine:net", 10, 3, 1.0, layers, channels, IMAGE[1:])))
    return path


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_a_config_thins_a_model_of_ones_own_in_place(tmp_path: Path) -> None:
    model = Chain()
    before = state(model)
    assert lcsearch.convert(model, config(tmp_path, {"one": 0.5, "two": 0.666667})) is model
    assert torch.equal(model.one.weight, before["one.weight"][:4])
    assert model.norm.num_features == 4 and model.head.in_features == 16
    layer = model.two
    assert isinstance(layer, lcsearch.LinearConv2d) and layer.primary.shape == (2, 4, 3, 3)
    assert model(torch.zeros(2, *IMAGE)).shape == (2, 10)


@pytest.mark.parametrize("name", ["thinner", "thinner, grouped"])
def test_a_config_builds_the_model(name: str, tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    write_config(path, TrialSpec(SPECS[name]))
    assert read_config(path).spec.model == SPECS[name]
    shapes = [parameter.shape for parameter in lcsearch.load_model(path).parameters()]
    assert shapes == [parameter.shape for parameter in lively(SPECS[name]).parameters()]


@pytest.mark.parametrize("name", ["thinner", "thinner, grouped"])
def test_weights_fill_a_whole_model_of_ones_own(name: str, tmp_path: Path) -> None:
    spec, path = SPECS[name], tmp_path / "best.safetensors"
    model = lively(spec)
    weights.FORMAT.write(model, About(config_text(TrialSpec(spec)), INFO), path)
    own = build(spec.backbone, num_classes=10, in_channels=1, width=spec.width)
    images = torch.rand(3, 1, 16, 16)
    assert torch.equal(lcsearch.convert(own, path).eval()(images), model(images))
    assert torch.equal(lcsearch.load_model(path)(images), model(images))


@pytest.mark.parametrize(
    ("model", "channels", "layers", "reason"),
    [
        (Residual(), {"one": 0.5}, {}, "there is no group of channels 'one'"),
        (Chain(), {"tow": 0.5}, {}, "no group of channels 'tow'; did you mean 'two'"),
        (FixedView(), {"two": 0.5}, {}, "channels: those of 'two' stay: the net does not run with fewer"),
        (Chain(), {"one": 0.5}, {"three": LinearSpec(0.5)}, "the net has no convolution 'three'"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    model: nn.Module, channels: dict[str, float], layers: dict[str, LayerSpec], reason: str, tmp_path: Path
) -> None:
    before, outline = state(model), repr(model)
    with pytest.raises(InputError, match=reason) as found:
        lcsearch.convert(model, config(tmp_path, channels, layers))
    assert str(found.value).startswith(f"{tmp_path / 'best.yaml'}: is for 'mine:net', not for this model: ")
    assert "\n" not in str(found.value)
    after = state(model)
    assert repr(model) == outline and all(torch.equal(after[name], before[name]) for name in before)


def test_a_trained_model_is_not_thinned_blindly(tmp_path: Path) -> None:
    model = Chain()
    expected = repr(copy.deepcopy(model))
    with pytest.raises(InputError, match=r"channels: .*leave trained=True out"):
        lcsearch.convert(model, config(tmp_path, {"one": 0.5}), trained=True)
    assert repr(model) == expected
