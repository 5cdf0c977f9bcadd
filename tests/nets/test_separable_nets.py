"""Nets with separable layers: their counts against thop's own, their forms, ties and trainings."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.layers import SeparableConv2d
from lcsearch.layers.factorized import SeparatedConv2d
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.layers.shape import Places
from lcsearch.nets import surgery
from lcsearch.nets.count import count
from lcsearch.nets.places import places_of
from lcsearch.nets.thop import thop

SPECS = [SeparableSpec(1), SeparableSpec(2), SeparableSpec(3, 6), SeparableSpec(2, 3)]


def strided() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 24, 3, padding=1),
        nn.Conv2d(24, 24, 3, stride=2, padding=1, padding_mode="reflect"),
        nn.Conv2d(24, 24, (5, 3), padding=(4, 2), dilation=2, bias=False),
        nn.Conv2d(24, 16, 3),
        nn.Conv2d(16, 16, 2, stride=(1, 2), padding=1),
    )


def thops(net: nn.Module, image: tuple[int, int, int]) -> int:
    return int(thop.profile(copy.deepcopy(net), (torch.zeros(1, *image),), verbose=False)[0])


@pytest.mark.parametrize("side", [7, 12, 33])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_macs_are_those_that_thop_counts_in_the_cheaper_form_of_each_layer(
    spec: SeparableSpec, side: int
) -> None:
    image = (3, side, side)
    net = surgery.convert(strided(), dict.fromkeys("1234", spec), keep_hopeless=True)
    rows = {row.name: row.macs for row in count(net, image).layers}
    assert sum(rows.values()) == thops(surgery.factorize(net, image), image)
    x = torch.zeros(1, *image)
    for name, layer in net.named_children():
        given = x.shape[1:]
        forms = [layer.to_conv(), layer.factorize(Places(1, 100))] if name != "0" else [layer]
        assert rows[name] == min(thops(form, given) for form in forms)
        x = layer(x).detach()


def test_places_are_summed_over_the_calls_of_a_layer() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = (SeparableConv2d(4, 4, 3, stride=2, padding=1) for _ in range(2))

        def forward(self, x: Tensor) -> Tensor:
            return self.used(self.used(x)).mean((2, 3))

    net = Twice()
    assert places_of(net, (4, 8, 7)) == {"used": Places(56 + 16, 16 + 4)}
    assert net.training and not net.used._forward_hooks
    with pytest.raises(InputError, match="fails in layer 'used'"):
        places_of(net, (5, 8, 7))
    shapes = {name: type(child) for name, child in surgery.factorize(net, (4, 8, 7)).named_children()}
    assert shapes == {"used": SeparatedConv2d, "unused": SeparatedConv2d}


class Recurrent(nn.Module):
    """Three convolutions of one weight, each with a place and a bias of its own, or none."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(12, 12, 3, padding=1)
        self.wide = nn.Conv2d(12, 12, 3, padding=2, dilation=2, bias=False)
        self.down = nn.Conv2d(12, 12, 3, stride=2)
        self.wide.weight = self.down.weight = self.near.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.near(x + self.wide(x).relu()).relu()).mean((2, 3))


@pytest.mark.parametrize("spec", [SeparableSpec(1), SeparableSpec(1, 4)], ids=str)
def test_convolutions_of_one_weight_share_blueprints_and_mixing(spec: SeparableSpec) -> None:
    torch.manual_seed(0)
    net, x = surgery.convert(Recurrent(), {"wide": spec}), torch.randn(2, 12, 8, 8)
    assert net.wide.blueprints is net.down.blueprints is net.near.blueprints
    assert net.wide.mixing is net.near.mixing and net.wide.row is net.near.row
    assert net.down.bias is not net.near.bias and net.wide.bias is None
    net(x).square().mean().backward()
    plain, steps = surgery.fold(net), surgery.factorize(net)
    assert steps.near.depthwise[0].weight is steps.wide.depthwise[0].weight
    assert plain.near.weight is plain.wide.weight is plain.down.weight
    assert steps.near.pointwise[0].weight is steps.wide.pointwise[0].weight is steps.down.pointwise[0].weight
    for form in (plain, steps):
        torch.testing.assert_close(form(x), net(x), rtol=1e-4, atol=1e-5)
    pointwise = 12 * 12 if spec.rank is None else 4 * 24
    assert count(net, (12, 8, 8)).params == pointwise + 9 * 12 + 12 + 12


def test_a_net_of_them_learns() -> None:
    torch.manual_seed(0)
    x = torch.randn(32, 3, 12, 12)
    y = (x[:, :, :6].mean((1, 2, 3)) > x[:, :, 6:].mean((1, 2, 3))).long()
    body = surgery.convert(strided(), dict.fromkeys("1234", SeparableSpec(1, 3)))
    net = nn.Sequential(body, nn.Flatten(), nn.LazyLinear(2))
    net(x)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("0", SeparableSpec(10), "layers.0: terms=10 must be in 1..9 for a 3x3 kernel"),
        ("4", SeparableSpec(5), "layers.4: terms=5 must be in 1..4 for a 2x2 kernel"),
        ("0", SeparableSpec(1, 4), "layers.0: rank=4 must be in 1..3 for 3 input channels and 1 x 24 mixed"),
        ("5", SeparableSpec(), "layers.5: cannot be separable: its kernel is 1x1"),
        ("6", SeparableSpec(), "layers.6: cannot be separable: it is depthwise"),
        ("7", SeparableSpec(), "layers.7: cannot be separable: it has 2 groups"),
    ],
)
@pytest.mark.parametrize("keep_hopeless", [False, True])
@pytest.mark.parametrize("make", [surgery.convert, surgery.compress])
def test_what_does_not_fit_is_said_of_its_layer(
    name: str, spec: SeparableSpec, message: str, keep_hopeless: bool, make: object
) -> None:
    net = strided()
    net.extend([nn.Conv2d(16, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, groups=2)])
    with pytest.raises(InputError) as caught:
        make(net, {name: spec}, keep_hopeless=keep_hopeless)  # type: ignore[operator]
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)
