"""Which convolutions a net calls and trains, before and after they are replaced."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery
from lcsearch.nets.use import Use, check_still_used, used

IMAGE = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """Uses its convolutions in several ways, one not at all."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.one, self.two, self.three, self.unused = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(4))
        self.how, self.filters = how, [self.three.weight]
        self.frozen = nn.Conv2d(8, 8, 1).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.frozen(self.one(self.one(x)))
        if self.how != "exact type" or type(self.two) is nn.Conv2d:
            x = self.two(x)
        weight = self.filters[0] if self.how == "list" else self.three.weight
        return F.conv2d(x, weight, self.three.bias)


def use_of(net: nn.Module) -> Use:
    with used(net) as use:
        net(IMAGE).square().sum().backward()
        assert use.called
    called = list(use.called)
    net(IMAGE).sum().backward()
    assert use.called == called, "nothing is noted behind the block"
    return use


def before_and_after(how: str) -> tuple[Use, Use]:
    net = Net(how)
    before = use_of(net)
    layers = dict.fromkeys(("one", "two", "three", "unused"), LinearSpec(0.25))
    return before, use_of(surgery.convert(net, layers))


def test_convolutions_are_named_that_are_called_and_that_learn() -> None:
    before, after = before_and_after("properly")
    assert before == Use(["one", "frozen", "two"], ["one", "two", "three"])
    assert after.called == before.called and after.trained == before.trained
    check_still_used(before, after)
    check_still_used(before, Use(before.called, ["three"]))  # the others may have been skipped by chance
    with pytest.raises(InputError, match="does not train three"):
        check_still_used(before, Use(before.called, ["one", "two"]))


def test_a_net_that_leaves_a_replaced_layer_out_is_refused() -> None:
    before, after = before_and_after("exact type")
    with pytest.raises(
        InputError, match=r'does not call two any more: .*`"two": {kind: \[conv\]}` in a space'
    ):
        check_still_used(before, after)


def test_a_net_that_has_put_filters_aside_is_refused() -> None:
    before, after = before_and_after("list")
    with pytest.raises(InputError, match="does not train three any more: it has put filters aside"):
        check_still_used(before, after)


def test_hooks_go_also_where_the_net_fails() -> None:
    net = Net("properly")
    with pytest.raises(RuntimeError), used(net):
        net(IMAGE[:, :3])
    assert not net.one.weight._post_accumulate_grad_hooks and use_of(net).called[0] == "one"


def test_layers_of_which_one_parameter_learns_are_not_trained() -> None:
    layer = surgery.convert(nn.Sequential(nn.Conv2d(8, 8, 3)), {"0": LinearSpec(0.25)})
    with used(layer) as use:
        layer[0].primary.sum().backward()  # type: ignore[index,union-attr]
    assert use == Use()
