"""Sizes of thinned nets by arithmetic, against nets out of which the channels are taken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache

import pytest
from channel_nets import Attention, Between, Chain, Concat, Decoder, Depthwise, Residual
from torch import nn

from lcsearch.nets.channels import ChannelGroups, Cut, count_at, find_groups, thin
from lcsearch.nets.replaceable import conv_layers, shape_of
from lcsearch.search.space.thin_sizes import ThinSizes, counts_at

NETS: dict[str, Callable[[], nn.Module]] = {
    "chain": Chain,
    "residual": Residual,
    "concat": Concat,
    "depthwise": Depthwise,
    "attention": Attention,
    "decoder": Decoder,
    "without biases": lambda: Between(nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)),
    "grouped": lambda: Between(nn.Conv2d(8, 12, 3, padding=1, groups=2), read=12),
    "group norm": lambda: Between(nn.GroupNorm(4, 8)),
}


@cache
def found(name: str) -> tuple[nn.Module, ChannelGroups, ThinSizes]:
    net = NETS[name]()
    groups = find_groups(net, (3, 8, 8))
    return net, groups, ThinSizes(net, groups.groups)


@pytest.mark.parametrize("name", NETS)
def test_what_is_left_is_what_a_thinned_net_has(name: str) -> None:
    net, groups, sizes = found(name)
    names = [group.name for group in groups.groups]
    assert sizes.full == tuple(group.size for group in groups.groups)
    several = [sizes.full]
    for place, group in enumerate(groups.groups):  # each alone, then all
        one = count_at(0.5, group.size, group.blocks)
        several.append((*sizes.full[:place], one, *sizes.full[place + 1 :]))
    several.append(tuple(count_at(0.3, group.size, group.blocks) for group in groups.groups))
    for kept in (*several, sizes.full):
        thinned = thin(copy.deepcopy(net), groups, dict(zip(names, kept, strict=True)))
        shapes = {conv: shape_of(module) for conv, module in conv_layers(thinned).items()}
        assert list(sizes.shapes(kept).items()) == list(shapes.items())
        assert all(sizes.shape(conv, kept) == shape for conv, shape in shapes.items())
        every = sum(parameter.numel() for parameter in thinned.parameters())
        assert sizes.other_params(kept) == every - sum(shape.params for shape in shapes.values())


def test_each_layer_knows_where_the_channels_that_it_makes_and_reads_lie() -> None:
    _, _, sizes = found("concat")
    assert sizes.around("left") == (((0, Cut("", 0)),), ())
    assert sizes.around("both") == (((2, Cut("", 0)),), ((0, Cut("", 1)), (1, Cut("", 1, offset=4))))


def test_counts_are_picked_in_the_order_of_places() -> None:
    assert counts_at([2, 0])((5, 6, 7)) == (7, 5) and counts_at([1])((5, 6, 7)) == 6
    assert counts_at([])((5, 6, 7)) == ()
