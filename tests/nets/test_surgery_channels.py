"""Models of a spec with channels: built, counted, and as lively as the net they are of."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery
from lcsearch.nets.channels import groups_of
from lcsearch.nets.count import count

pytestmark = pytest.mark.slow

SIZE = (32, 32)


def halved(backbone: str, **layers: LinearSpec) -> ModelSpec:
    spec = ModelSpec(backbone, 10, 3, image_size=SIZE)
    groups = groups_of(spec)
    kept = groups.kept({group.name: 0.5 for group in groups.groups})
    return replace(spec, channels=groups.channels(kept), layers=layers)


BACKBONES = ("base", "vgg11", "allconv", "mobilenetv2", "resnet18", "resnet34", "resnext29", "squeezenet")


@pytest.mark.parametrize("name", BACKBONES)
def test_all_channels_of_our_backbones_can_go(name: str) -> None:
    spec = halved(name)
    assert groups_of(spec).whole == ()
    assert spec.channels and set(spec.channels.values()) <= {0.5, 0.25, 0.333333, 0.375, 0.666667}
    model = surgery.build_model(spec)
    counted = count(model, (3, *SIZE))
    assert counted.params == sum(parameter.numel() for parameter in model.parameters())
    whole = count(surgery.build_model(replace(spec, channels={})), (3, *SIZE))
    assert counted.params < 0.36 * whole.params and counted.macs < 0.6 * whole.macs
    model(torch.zeros(2, 3, *SIZE)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_macs_are_those_worked_out_by_hand() -> None:
    spec = ModelSpec("vgg11", 10, 1, channels={"features.0": 0.5, "features.4": 0.25}, image_size=(32, 32))
    plain = replace(spec, channels={}, image_size=None)
    fewer = [32 * 32 * 9 * (64 - 32), 16 * 16 * 9 * (64 * 128 - 32 * 32), 8 * 8 * 9 * 256 * (128 - 32)]
    built, whole = (count(surgery.build_model(one), (1, 32, 32)) for one in (spec, plain))
    assert whole.macs - built.macs == sum(fewer)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_layers_are_of_the_thinned_convolutions(device: str) -> None:
    layers = {"features.4": LinearSpec(0.25, rank=4)}
    spec = ModelSpec("vgg11", 10, 3, 1.0, layers, {"features.0": 0.5, "features.4": 0.5}, SIZE)
    with torch.device(device):
        layer = surgery.build_model(spec).get_submodule("features.4")
    assert layer.primary.shape == (16, 32, 3, 3), "a quarter of half the 128 filters, of half the 64 channels"  # type: ignore[union-attr]


def test_a_fresh_thin_net_answers_as_strongly_as_the_whole() -> None:
    spec = halved("allconv")  # no batch norm evens it out
    torch.manual_seed(0)
    images = torch.randn(16, 3, *SIZE)
    scales = []
    for one in (spec, replace(spec, channels={})):
        net = surgery.build_model(one).eval()
        scales.append(float(net(images).detach().std()))
    assert 0.5 < scales[0] / scales[1] < 2


def test_without_channels_the_random_numbers_are_those_of_before() -> None:
    torch.manual_seed(0)
    plain = surgery.build_model(ModelSpec("base", 10, 3))
    after = torch.rand(1)
    torch.manual_seed(0)
    thin = surgery.build_model(ModelSpec("base", 10, 3, channels={"features.0": 0.5}, image_size=SIZE))
    assert torch.equal(torch.rand(1), after)
    first = next(plain.parameters())
    assert torch.equal(next(thin.parameters()), first[: len(first) // 2])


@pytest.mark.parametrize(
    ("channels", "size", "message"),
    [
        ({"features.0": 0.5}, None, "image_size: is missing"),
        ({"features.O": 0.5}, SIZE, r"channels: there is no group of channels 'features.O'; did you mean"),
        ({"classifier": 0.5}, SIZE, r"no group of channels 'classifier'"),
        ({"features.0": 1.5}, SIZE, r'channels."features.0": 1.5 is not allowed; it must be in \(0, 1\]'),
    ],
)
def test_channels_that_do_not_fit_are_one_line(
    channels: dict[str, float], size: tuple[int, int] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as found:
        surgery.build_model(ModelSpec("vgg11", 10, 3, channels=channels, image_size=size))
    assert "\n" not in str(found.value)
