"""Torchvision's weights compute in our net what they compute in torchvision's."""

from __future__ import annotations

import re
from typing import Any

import published_nets
import pytest
import torch
import torchvision
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.nets import backbones, surgery
from lcsearch.nets.weights import for_pretrained, pretrained_weights

FEW = ("googlenet", "inception_v3", "vit_h_14", "maxvit_t", "resnet18", "mnasnet0_5", "swin_t")
DEEPER = (
    "convnext_small", "convnext_base", "convnext_large", "densenet161", "densenet169", "densenet201",
    "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_b5",
    "efficientnet_b6", "efficientnet_v2_m", "efficientnet_v2_l", "resnet34", "resnet101", "resnet152",
    "resnext101_32x8d", "resnext101_64x4d", "swin_s", "swin_b", "swin_v2_s", "swin_v2_b", "vgg13", "vgg13_bn",
    "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "vit_b_32", "vit_l_16", "vit_l_32", "wide_resnet101_2",
)  # fmt: skip
"""More of the layers that another net has."""
OTHERS = [
    pytest.param(name, marks=pytest.mark.zoo if name in DEEPER else pytest.mark.slow)
    for name in torchvision.models.list_models(module=torchvision.models)
    if name not in FEW and (not name.startswith("regnet") or name.endswith("_400mf"))
]


def of_torchvision(name: str) -> nn.Module:
    weights = torchvision.models.get_model_weights(name).DEFAULT
    net: nn.Module = torchvision.models.get_model(name, weights=weights, progress=False)
    return net.eval()


@pytest.mark.parametrize("name", [*FEW, *OTHERS])
def test_every_net_has_the_settings_of_its_builder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All plain attributes of all modules and all shapes; auxiliary heads aside, which we leave out."""
    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", lambda *args, **options: {})
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda *args, **options: None)
    with torch.device("cpu" if name.startswith("regnet") else "meta"):  # it reads what it initializes
        theirs = of_torchvision(name)
        ours = backbones.build(for_pretrained(f"torchvision:{name}")[0], num_classes=1000, in_channels=3)
    assert outline(ours.eval()) == outline(theirs)


def outline(net: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {name: value.shape for name, value in net.state_dict().items()}
    for path, module in net.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, bool | int | float | str | tuple) and not name.startswith("_"):
                found[f"{path}:{name}"] = value
    auxiliary = ("AuxLogits", "aux1", "aux2", ":aux_logits")
    return {key: value for key, value in found.items() if not key.startswith(auxiliary)}


def old_name(key: str) -> str:
    """As the published files of the densely connected nets have it; they are older than some counters."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("googlenet", 32),
        pytest.param("densenet121", 32, marks=pytest.mark.slow),
        pytest.param("inception_v3", 80, marks=pytest.mark.slow),
    ],
)
def test_outputs_are_those_of_torchvision(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    published_nets.publish(monkeypatch, name, old_name if name == "densenet121" else str)
    form, images = for_pretrained(f"torchvision:{name}")
    drawn = torch.get_rng_state()
    model = surgery.build_model(ModelSpec(form, 1000, 3)).eval()
    torch.set_rng_state(drawn)
    given = pretrained_weights(form, model)
    assert torch.equal(torch.get_rng_state(), drawn)
    model.load_state_dict(given.state)
    pixels = torch.rand(4, 3, size, size, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (images.mean, images.std))
    with torch.no_grad():
        expected, got = of_torchvision(name)(preset(name, pixels)), model((pixels - mean) / std)
    spread = float((expected - expected.mean(0)).abs().max())
    assert spread > 0 and float((expected - got).abs().max()) < 1e-3 * spread


def preset(name: str, pixels: Tensor) -> Tensor:
    """What torchvision does to images, but for resizing."""
    transforms = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    size = pixels.shape[-1]
    transforms.resize_size, transforms.crop_size = [size], [size]
    prepared: Tensor = transforms(pixels)
    return prepared


def test_what_comes_with_the_weights_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    published_nets.publish(monkeypatch, "googlenet")
    form = "torchvision:googlenet@pretrained"
    assert for_pretrained("torchvision:googlenet")[0] == for_pretrained(form)[0] == form
    model = surgery.build_model(ModelSpec(form, 1000, 3))
    assert pretrained_weights(form, model).said == (
        f"images are normalised as the weights of {form} expect: mean (0.485, 0.456, 0.406), "
        "deviation (0.229, 0.224, 0.225); the net has the settings that torchvision gives it for them"
    )


def test_a_net_that_is_built_the_same_keeps_its_name() -> None:
    for name in ("torchvision:resnet18", "torchvision:vit_b_16"):
        assert for_pretrained(name)[0] == name == backbones.plain_form(name)
    assert backbones.plain_form("torchvision:googlenet@pretrained") == "torchvision:googlenet"
    assert backbones.pretrained_form("package:googlenet") == "package:googlenet"


def test_the_plain_name_keeps_its_meaning() -> None:
    with torch.device("meta"):
        plain = backbones.build("torchvision:googlenet", num_classes=5, in_channels=1)
        other = backbones.build("torchvision:googlenet@pretrained", num_classes=5, in_channels=3)
    assert not plain.transform_input and other.transform_input


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vgg11", "there are weights for torchvision:NAME and timm:NAME only, not for vgg11"),
        ("torchvision:resnet19", "no classification net 'resnet19'; did you mean"),
    ],
)
def test_nets_without_published_weights_are_refused(name: str, words: str) -> None:
    with pytest.raises(InputError, match=f"init='pretrained': .*{words}"):
        for_pretrained(name)


def test_other_channels_are_refused() -> None:
    with pytest.raises(InputError, match="googlenet is trained on 3 channels; the images have 1"):
        backbones.build("torchvision:googlenet@pretrained", num_classes=5, in_channels=1)
