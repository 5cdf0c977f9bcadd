"""The published nets: their sizes, and what may be asked of them."""

from __future__ import annotations

import copy
import subprocess
import sys
from itertools import product

import pytest
import torch
from torch import nn

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.nets import backbones
from lcsearch.nets.backbones._resnet import Padded

NAMES = plugins.names(plugins.BACKBONE)

PUBLISHED = {
    "base": 399_626,
    "vgg11": 9_231_114,
    "allconv": 1_369_738,
    "resnet18": 11_173_962,
    "resnet32": 464_154,
    "resnet34": 21_282_122,
    "resnet56": 853_018,
    "resnext29": 9_128_778,
    "mobilenetv2": 2_296_922,
}


def params(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def build_meta(name: str, *, num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> nn.Module:
    with torch.device("meta"):
        return backbones.build(name, num_classes=num_classes, in_channels=in_channels, width=width)


@pytest.mark.parametrize(("name", "published"), PUBLISHED.items())
def test_has_the_published_number_of_parameters(name: str, published: int) -> None:
    assert params(build_meta(name)) == published


def test_squeezenet_has_about_the_published_number_of_parameters() -> None:
    assert round(params(build_meta("squeezenet")) / 1e6, 2) == 0.73


def test_names_are_the_published_nets() -> None:
    assert set(NAMES) == {*PUBLISHED, "squeezenet"}


def test_the_package_imports_no_torch() -> None:
    code = "import sys, lcsearch.nets.backbones; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_describes_itself_in_one_line(name: str) -> None:
    assert 20 < len(backbones.describe(name)) < 110


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", [8, 28, 32, 45])
def test_takes_images_of_any_size(name: str, side: int) -> None:
    model = build_meta(name, num_classes=7, in_channels=1, width=0.3)
    assert model(torch.zeros(2, 1, side, side, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name", NAMES)
def test_trains_one_step_with_finite_gradients_everywhere(name: str) -> None:
    torch.manual_seed(0)
    model = backbones.build(name, num_classes=4, in_channels=2, width=0.125)
    logits = model(torch.randn(4, 2, 32, 32))
    nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_grow_with_the_width(name: str) -> None:
    sizes = [params(build_meta(name, width=width)) for width in (0.01, 0.25, 0.5, 0.75, 1.0, 1.5)]
    assert sizes == sorted(set(sizes))
    assert sizes[2] < 0.35 * sizes[4]


@pytest.mark.parametrize(("pool", "name"), [((2, 2), "base"), ((1, 1), "vgg11")])
def test_pooling_before_the_linear_layer_changes_nothing_at_the_published_size(
    pool: tuple[int, int], name: str
) -> None:
    features = build_meta(name).features(torch.zeros(1, 3, 32, 32, device="meta"))  # type: ignore[operator]
    assert features.shape[2:] == pool


def test_signal_survives_the_depth_of_allconv() -> None:
    torch.manual_seed(0)
    model = backbones.build("allconv", num_classes=10, in_channels=3).eval()
    features = model.features(torch.randn(4, 3, 32, 32))  # type: ignore[operator]
    assert 0.3 < features.square().mean().sqrt() < 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "vgg12"}, "did you mean 'vgg11'"),
        ({"name": ""}, "choose from allconv"),
        ({"name": "vgg11", "num_classes": 0}, "num_classes: 0"),
        ({"name": "vgg11", "in_channels": -1}, "in_channels: -1"),
        ({"name": "vgg11", "width": 0.0}, "width: 0"),
        ({"name": "vgg11", "width": float("nan")}, "width: nan"),
        ({"name": "torchvision:resnet18", "width": 0.5}, "takes no width"),
    ],
)
def test_wrong_input_is_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build_meta(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["base", "vgg11"])
def test_pooling_before_the_relu_is_pooling_after_it(name: str) -> None:
    """Bit by bit, forward and backward, against the published order of the same modules."""
    torch.manual_seed(0)
    model = backbones.build(name, num_classes=4, in_channels=1, width=0.125)
    published = copy.deepcopy(model)
    modules = list(published.features)  # type: ignore[arg-type]
    pools = [place for place, module in enumerate(modules) if isinstance(module, nn.MaxPool2d)]
    assert len(pools) >= 4 and all(isinstance(modules[place + 1], nn.ReLU) for place in pools)
    for place in pools:
        modules[place], modules[place + 1] = modules[place + 1], modules[place]
    published.features = nn.Sequential(*modules)
    images = torch.randn(4, 1, 28, 28)
    for one in (model, published):
        one(images).square().sum().backward()
    for one, other in zip(model.parameters(), published.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize(("new", "before"), [(4, 2), (5, 2), (0, 0)])
def test_a_padded_shortcut_takes_every_other_pixel_and_adds_zeros(new: int, before: int) -> None:
    x = torch.randn(2, 3, 5, 4)
    y = Padded(3, 3 + new, 2)(x)
    assert y.shape == (2, 3 + new, 3, 2)
    for channel in range(3):
        for row, column in product(range(3), range(2)):
            assert torch.equal(y[:, before + channel, row, column], x[:, channel, 2 * row, 2 * column])
    assert int(y.count_nonzero()) == int(y[:, before : before + 3].count_nonzero())


@pytest.mark.parametrize(
    ("name", "blocks"), [("resnet32", [5] * 3), ("resnet56", [9] * 3), ("resnet34", [3, 4, 6, 3])]
)
def test_stages_halve_the_image_and_double_the_channels(name: str, blocks: list[int]) -> None:
    model = build_meta(name)
    assert [len(stage) for stage in model.stages] == blocks  # type: ignore[union-attr, arg-type]
    x = model.stem(torch.zeros(1, 3, 32, 32, device="meta"))  # type: ignore[operator]
    channels = x.shape[1]
    for place, stage in enumerate(model.stages):  # type: ignore[union-attr, arg-type]
        x = stage(x)
        assert x.shape == (1, channels << place, 32 >> place, 32 >> place)
