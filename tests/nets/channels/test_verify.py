"""Groups that would change what a net answers, or stop it, are found by running it."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from channel_nets import (
    Attention,
    Between,
    Chain,
    Concat,
    Depthwise,
    FixedView,
    Halves,
    OverChannels,
    Residual,
    Shuffled,
)
from torch import Tensor, nn

from lcsearch.nets.channels import ChannelGroup, ChannelGroups, Cut, find_groups, verified

IMAGE = (3, 8, 8)
UNFOLLOWED = "not all that reads them could be followed"


class Counted(Chain):
    """Scales a layer's channels by numbers that are no parameter."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.one(x)) * torch.arange(1.0, 9.0, dtype=x.dtype).reshape(1, 8, 1, 1)
        return self.head(nn.functional.adaptive_avg_pool2d(self.two(x.relu()).relu(), 2).flatten(1))


class Again(nn.Module):
    """One convolution twice."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.two(self.two(self.one(x).relu()).relu()).relu().mean((2, 3)))


class Beside(Chain):
    """In training a second head scores what the first convolution sees."""

    def __init__(self) -> None:
        super().__init__()
        self.beside = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Any:
        scores = super().forward(x)
        return (scores, self.beside(self.one(x).mean((2, 3)))) if self.training else scores


class Single(Between):
    """Does not run in float64, and has numbers beside its scores."""

    def forward(self, x: Tensor) -> Any:
        return {"scores": super().forward(x.float()), "steps": 3}


@pytest.mark.parametrize(
    "net",
    [
        Chain(),
        Residual(),
        Concat(),
        Depthwise(),
        Attention(),
        Again(),
        Single(nn.PReLU(8)),
        Between(OverChannels(8)),
        Between(nn.Conv2d(8, 12, 1, groups=4), read=12),
        Between(nn.GroupNorm(2, 8)),
        Between(nn.ConvTranspose2d(8, 8, 2)),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_is_right_stays(net: nn.Module, device: str) -> None:
    found = find_groups(net, IMAGE)
    assert found.groups
    with torch.device(device):
        assert verified(net.to(device), found, IMAGE) == found


@pytest.mark.parametrize(
    ("net", "whole"),
    [
        (FixedView(), {"two": r"the net does not run with fewer of them \(RuntimeError: mat1 and mat2"}),
        (Beside(), {"one": r"the net does not run with fewer of them \(RuntimeError: mat1 and mat2"}),
        (Counted(), {"one": UNFOLLOWED}),
        (Between(Halves()), {"one": UNFOLLOWED}),
        (Between(Shuffled()), {"one": UNFOLLOWED}),
        (Between(nn.LocalResponseNorm(3)), {"one": UNFOLLOWED}),
    ],
)  # fmt: skip
def test_what_fails_stays_whole_and_the_rest_does_not(net: nn.Module, whole: dict[str, str]) -> None:
    found = find_groups(net, IMAGE)
    checked = verified(net, found, IMAGE)
    assert {one.name for one in checked.whole} == set(whole)
    assert all(re.match(whole[one.name], one.why) for one in checked.whole)
    assert {group.name for group in checked.groups} == {group.name for group in found.groups} - set(whole)


def test_a_group_that_lacks_a_reader_is_noticed() -> None:
    found = find_groups(Chain(), IMAGE)
    one, two = found.groups
    without = ChannelGroup(one.name, one.size, one.makers, tuple(cut for cut in one.cuts if cut.dim == 0))
    checked = verified(Chain(), ChannelGroups((without, two)), IMAGE)
    assert checked == ChannelGroups((two,), (("one", UNFOLLOWED),))  # type: ignore[arg-type]


def test_a_group_whose_blocks_are_not_known_is_noticed() -> None:
    net = Between(nn.GroupNorm(2, 8))
    one, two = find_groups(net, IMAGE).groups
    unknown = ChannelGroup(one.name, one.size, one.makers, one.cuts)
    assert [group.name for group in verified(net, ChannelGroups((unknown, two)), IMAGE).groups] == ["two"]


def test_groups_that_fail_only_together_all_stay() -> None:
    class Ratio(Concat):
        def forward(self, x: Tensor) -> Tensor:
            left, right = self.left(x), self.right(x)
            if left.shape[1] < 4 and right.shape[1] < 6:
                raise ValueError("too few")
            return self.head(self.both(self.norm(torch.cat([left, right], 1)).relu()).relu().mean((2, 3)))

    found = find_groups(Ratio(), IMAGE)
    checked = verified(Ratio(), found, IMAGE)
    assert not checked.groups and {one.name for one in checked.whole} == {"left", "right", "both"}
    assert all("ValueError: too few" in one.why for one in checked.whole)


class Block(nn.Module):
    """A convolution and what follows it, added to what came or not."""

    def __init__(self, added: bool) -> None:
        super().__init__()
        self.conv, self.norm, self.added = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), added

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x)).relu()
        return x + y if self.added else y


@pytest.mark.slow
@pytest.mark.parametrize("added", [True, False])
def test_a_deep_net_fails_by_a_wrong_group_but_not_by_rounding(added: bool) -> None:
    net = Between(nn.Sequential(*(Block(added) for _ in range(40))))
    found = find_groups(net, IMAGE)
    assert verified(net, found, IMAGE) == found
    first, *rest = found.groups
    without = replace(first, cuts=tuple(cut for cut in first.cuts if cut.tensor != "one.bias"))
    assert verified(net, ChannelGroups((without, *rest)), IMAGE).groups == tuple(rest)


def test_neither_the_net_nor_random_numbers_change() -> None:
    net = Chain().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verified(net, find_groups(net, IMAGE), IMAGE)
    assert torch.equal(torch.get_rng_state(), state)
    assert net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_nothing_is_run_where_nothing_was_found() -> None:
    nothing = ChannelGroups((), find_groups(Chain(), IMAGE).whole)
    assert verified(nn.Identity(), nothing, IMAGE) is nothing
    assert Cut("a", 0) == Cut("a", 0, 0, 1, 1)
