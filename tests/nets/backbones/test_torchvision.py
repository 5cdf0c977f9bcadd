"""torchvision's nets by name."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.nets import backbones
from lcsearch.nets.backbones import _torchvision


def build_meta(name: str, num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    with torch.device("meta"):
        return backbones.build(f"torchvision:{name}", num_classes=num_classes, in_channels=in_channels)


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v3_small", "densenet121", "shufflenet_v2_x0_5"])
def test_is_the_net_of_torchvision(name: str) -> None:
    with torch.device("meta"):
        direct = torchvision.models.get_model(name, num_classes=10)
    built = build_meta(name)
    assert {k: v.shape for k, v in built.state_dict().items()} == {
        k: v.shape for k, v in direct.state_dict().items()
    }


@pytest.mark.parametrize(
    "name",
    [
        "alexnet",
        "convnext_tiny",
        "efficientnet_b0",
        "googlenet",
        "inception_v3",
        "mnasnet0_5",
        "regnet_y_400mf",
    ],
)
@pytest.mark.parametrize("in_channels", [1, 3, 5])
def test_takes_any_channels_and_classes_and_gives_one_output_in_training(name: str, in_channels: int) -> None:
    model = build_meta(name, 7, in_channels)
    assert model(torch.zeros(2, in_channels, 128, 128, device="meta")).shape == (2, 7)


def test_the_replaced_first_convolution_differs_in_its_input_only() -> None:
    first, original = build_meta("densenet121", 7, 2).features.conv0, build_meta("densenet121").features.conv0  # type: ignore[union-attr]
    assert first.weight.shape == (64, 2, 7, 7)  # type: ignore[union-attr]
    for key in ("out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"):
        assert getattr(first, key) == getattr(original, key)
    assert first.bias is None  # type: ignore[union-attr]


def test_names_hold_classification_nets_only() -> None:
    names = _torchvision.names()
    assert "resnet50" in names
    assert not any("rcnn" in name or "quantized" in name or "deeplab" in name for name in names)


@pytest.mark.parametrize(
    ("name", "message"), [("resnet51", "did you mean 'resnet50'"), ("zzz", "such as resnet50")]
)
def test_an_unknown_name_is_an_input_error(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_meta(name)
