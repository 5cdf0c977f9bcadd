"""Layers that are fitted while the net runs, against the same net walked through step by step."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.closeness import closeness_of
from lcsearch.compress.fit import compress_trained
from lcsearch.core.errors import InputError
from lcsearch.layers import LinearConv2d
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.fit import fit
from lcsearch.nets import surgery

FIRST, SECOND = LinearSpec(0.25), LinearSpec(0.5)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


class Net(nn.Module):
    """Batch norm that has other statistics than the images, and a second layer with a bias or without."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8, momentum=0.3)
        self.second = nn.Conv2d(8, 8, 3, bias=bias)
        self.norm.running_var.fill_(0.25)  # type: ignore[union-attr]

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.norm(self.first(images)).relu()).mean((2, 3))  # type: ignore[no-any-return]


def fitted(conv: nn.Module, spec: LinearSpec, target: responses.Response, x: Tensor) -> LinearConv2d:
    """The layer, with the convolution's bias moved to what its mean answer lacks."""
    assert isinstance(conv, nn.Conv2d)
    layer = LinearConv2d.from_conv(conv, alpha=spec.alpha, rank=spec.rank)
    fit(layer, *closeness_of(conv, target, x, conv(x)))
    if layer.bias is not None:
        layer.bias += target.mean - layer(x).mean((0, 2, 3))
    return layer


def assert_same(layer: nn.Module, wanted: nn.Module) -> None:
    found = layer.state_dict()
    assert found.keys() == wanted.state_dict().keys()
    for name, value in wanted.state_dict().items():
        assert torch.allclose(found[name], value, rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_each_layer_gets_what_those_before_it_give(bias: bool) -> None:
    model, images = Net(bias).eval(), torch.randn(12, 2, 6, 6) + 1
    convs = {"first": model.first, "second": model.second}
    targets = responses.record(model, convs, images)
    made = compress_trained(model, {"second": SECOND, "first": FIRST}, images)
    first = fitted(model.first, FIRST, targets["first"], images)
    x = first(images)
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    x = F.batch_norm(x, None, None, model.norm.weight, model.norm.bias, training=True).relu()
    assert_same(made.first, first)  # type: ignore[arg-type]
    assert_same(made.second, fitted(model.second, SECOND, targets["second"], x))  # type: ignore[arg-type]
    norm = made.norm
    assert (
        isinstance(norm, nn.BatchNorm2d) and norm.momentum == 0.3 and int(norm.num_batches_tracked or 0) == 0
    )
    assert torch.allclose(norm.running_mean, mean, atol=1e-5)  # type: ignore[arg-type]
    assert torch.allclose(norm.running_var, variance, rtol=1e-4)  # type: ignore[arg-type]
    assert not any(module.training or module._forward_hooks for module in made.modules())


class Twice(nn.Module):
    """Calls a convolution twice, which has two names, beside another one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.other = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.again = self.conv

    def forward(self, images: Tensor) -> Tensor:
        return (self.again(self.conv(images).relu()) + self.other(images)).mean((2, 3))


@pytest.mark.parametrize("names", [["conv"], ["again"], ["again", "conv", "other"]])
@torch.no_grad()
def test_a_layer_is_fitted_once_to_its_first_call(names: list[str]) -> None:
    model, images = Twice().eval(), torch.randn(12, 4, 4, 4) + 1
    targets = responses.record(model, {"conv": model.conv, "other": model.other}, images)
    made = compress_trained(model, dict.fromkeys(names, SECOND), images)
    assert made.conv is made.again and isinstance(made.conv, LinearConv2d)
    assert_same(made.conv, fitted(model.conv, SECOND, targets["conv"], images))
    if "other" in names:
        assert_same(made.other, fitted(model.other, SECOND, targets["other"], images))  # type: ignore[arg-type]


class Fallback(nn.Module):
    """Shows its layer other images than the convolution, or single ones, or none."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv, self.how = nn.Conv2d(2, 8, 3), how

    def forward(self, images: Tensor) -> Tensor:
        new = type(self.conv) is not nn.Conv2d
        if self.how == "never":
            return images.mean((2, 3))
        if self.how == "smaller" and new:
            images = images[:, :, 1:]
        if self.how == "fewer" and new:
            images = images[1:]
        if self.how == "single" or (self.how == "single later" and new):
            return torch.stack([self.conv(image) for image in images]).mean((2, 3))
        return self.conv(images).mean((2, 3))  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", ["never", "smaller", "fewer", "single", "single later", "no numbers"])
def test_what_cannot_be_fitted_to_responses_is_fitted_to_its_filters(how: str) -> None:
    model, images = Fallback(how).eval(), torch.randn(12, 2, 5, 5)
    if how == "no numbers":
        images[3] = float("nan")
    made = compress_trained(model, {"conv": FIRST}, images)
    assert_same(made, surgery.compress(copy.deepcopy(model), {"conv": FIRST}))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in made.modules())


class Failing(Net):
    """Fails behind its first layer once that one is no convolution."""

    def forward(self, images: Tensor) -> Tensor:
        x = self.first(images)
        if type(self.first) is not nn.Conv2d:
            failed.append(self)
            raise KeyError("no")
        return self.second(self.norm(x)).mean((2, 3))  # type: ignore[no-any-return]


failed: list[nn.Module] = []


def test_no_hook_stays_where_the_net_fails() -> None:
    model = Failing()
    with pytest.raises(KeyError, match="no"):
        compress_trained(model, {"first": FIRST, "second": SECOND}, torch.randn(4, 2, 6, 6))
    made = failed.pop()
    for module in [*model.modules(), *made.modules()]:
        assert module.training and not module._forward_hooks and not module._forward_pre_hooks


def test_random_numbers_and_the_backbone_are_left_alone() -> None:
    model, images = Net(), torch.randn(4, 2, 6, 6)
    before, drawn = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    made = compress_trained(model, {"first": FIRST}, images)
    assert torch.equal(torch.get_rng_state(), drawn) and made is not model and model.training
    assert isinstance(model.first, nn.Conv2d) and isinstance(made.first, LinearConv2d)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert made.second is not model.second


def test_plain_convolutions_stay_as_they_are() -> None:
    model, layers = Net().eval(), {"first": ConvSpec(), "second": SECOND}
    images = torch.randn(4, 2, 6, 6)
    made = compress_trained(model, layers, images)
    assert torch.equal(made.first.weight, model.first.weight)  # type: ignore[union-attr, arg-type]
    assert_same(made, compress_trained(model, {"second": SECOND}, images))


@torch.no_grad()
def test_groups_are_fitted_to_their_patches_in_the_net() -> None:
    model, images = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.Flatten()).eval(), torch.randn(16, 4, 5, 5)
    target = responses.record(model, {"0": model[0]}, images)["0"]  # type: ignore[dict-item]
    made = compress_trained(model, {"0": FIRST}, images)
    assert_same(made.get_submodule("0"), fitted(model[0], FIRST, target, images))


@pytest.mark.parametrize("part", ["weight", "bias"])
@pytest.mark.parametrize("how", ["filters", "responses"])
def test_numbers_that_are_none_are_named(part: str, how: Any) -> None:
    model = Net()
    with torch.no_grad():
        getattr(model.second, part).view(-1)[3] = float("inf")
    with pytest.raises(InputError) as caught:
        compress_trained(model, {"first": FIRST, "second": SECOND}, torch.randn(4, 2, 6, 6), how=how)
    assert str(caught.value) == "layers.second: the trained weights hold NaN or infinity"


@torch.no_grad()
def test_what_is_solved_first_is_fitted_as_it_was_solved() -> None:
    """By what does not depend on what layers get: as if the net had had these weights from the start."""
    convs = [nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3), nn.Conv2d(16, 4, 1)]
    net = nn.Sequential(
        convs[0], nn.BatchNorm2d(16), nn.ReLU(), convs[1], nn.BatchNorm2d(16), convs[2]
    ).eval()
    images, layers = torch.randn(8, 3, 12, 12), {"0": LinearSpec(0.25), "3": LinearSpec(0.25)}
    answers = responses.record(net, {"0": convs[0], "3": convs[1], "5": convs[2]}, images)
    other = copy.deepcopy(net)
    for name in ("3", "5"):
        other.get_submodule(name).weight.normal_()
    seen = list[tuple[int, ...]]()

    def solve(name: str, layer: nn.Module, x: Tensor) -> bool:
        layer.weight.copy_(other.get_submodule(name).weight)
        seen.append(tuple(x.shape))
        return True

    solves = {name: partial(solve, name) for name in ("3", "5")}
    made = compress_trained(net, layers, images, answers=answers, solves=solves)
    wanted = compress_trained(other, layers, images, answers=answers)
    assert seen == [(8, 16, 10, 10), (8, 16, 8, 8)]
    assert all(map(torch.equal, made.state_dict().values(), wanted.state_dict().values()))
