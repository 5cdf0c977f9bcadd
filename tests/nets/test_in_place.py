"""Wherever a net holds a convolution, it finds what took its place, and can read it as before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from bank_family import FAMILY
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.layer import FamilyLayer
from lcsearch.nets import surgery
from lcsearch.nets.in_place import become, take_attributes

IMAGE = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))


class Roundabout(nn.Module):
    """Reaches its convolution by a way of its own."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3, padding=1)
        self.conv.next = 3  # type: ignore[assignment]
        self.norm = nn.BatchNorm2d(16)
        conv = self.conv
        self.run = {
            "attribute": lambda x: self.conv(x),
            "dict": {"first": conv}["first"],
            "bound method": conv.forward,
            "closure": lambda x: conv(x),
            "type": lambda x: next(m for m in self.modules() if isinstance(m, nn.Conv2d))(x),
            "weight": lambda x: F.conv2d(x, self.conv.weight, self.conv.bias, self.conv.stride, conv.padding),
            "own attribute": lambda x: [None, None, None, self.conv][self.conv.next](x),  # type: ignore
        }[way]
        self.layers = [conv, self.norm]

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.run(x))  # type: ignore[operator]


WAYS = ["attribute", "dict", "bound method", "closure", "type", "weight", "own attribute"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", ["linear", "bank"])
def test_a_net_uses_what_took_the_place_of_its_convolution(way: str, family: str) -> None:
    torch.manual_seed(0)
    net = Roundabout(way).train()
    before = net.conv
    if family == "linear":
        surgery.convert(net, {"conv": LinearSpec(0.125)})
    else:
        layer = FAMILY.fresh(net.conv, FAMILY.spec(2, "b"))
        take_attributes(layer, net.conv)
        become(net.conv, layer)
    assert net.conv is before is net.layers[0] and isinstance(net.conv, FamilyLayer)
    net(IMAGE).square().sum().backward()
    assert all(bool(p.grad.abs().sum() > 0) for p in net.conv.parameters() if p.dim() > 1)  # type: ignore


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", [surgery.fold, surgery.factorize])
def test_standard_forms_of_such_nets_give_the_same_output(
    way: str, form: Callable[[nn.Module], nn.Module]
) -> None:
    net = surgery.convert(Roundabout(way), {"conv": LinearSpec(0.125)}).eval()
    made = form(net)
    assert not any(isinstance(module, FamilyLayer) for module in made.modules())
    with torch.no_grad():
        torch.testing.assert_close(made(IMAGE), net(IMAGE))
        for parameter in made.parameters():
            parameter.zero_()
        assert not made(IMAGE).any()
    assert made.conv.next == 3 and made.conv.kernel_size == (3, 3)  # type: ignore[union-attr]
    assert not hasattr(made.conv, "alpha")


def test_what_the_author_hung_on_a_layer_must_not_mean_something_else_to_it() -> None:
    net = nn.Sequential(nn.Conv2d(8, 16, 3))
    net[0].rank = 7  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"layers.0: its attribute 'rank' has another meaning"):
        surgery.convert(net, {"0": LinearSpec(0.125)})
    assert type(net[0]) is nn.Conv2d
