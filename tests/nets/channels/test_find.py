"""Groups of channels of nets where they are known by reading the net."""

from __future__ import annotations

import pytest
import torch
from channel_nets import (
    Attention,
    Between,
    Chain,
    Concat,
    Decoder,
    Depthwise,
    EfficientAttention,
    OverChannels,
    Residual,
    Shuffled,
    Twice,
    filled,
)
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.channels import ChannelGroups, Cut, find_groups, groups_of

IMAGE = (3, 8, 8)


def cuts(*written: str) -> set[Cut]:
    """Cuts as ``tensor@dim`` and, where they are not 0 and 1, ``+offset*repeat/blocks``."""
    made = set()
    for one in written:
        tensor, _, rest = one.partition("@")
        rest, _, blocks = rest.partition("/")
        rest, _, repeat = rest.partition("*")
        dim, _, offset = rest.partition("+")
        made.add(Cut(tensor, int(dim), int(offset or 0), int(repeat or 1), int(blocks or 1)))
    return made


ONE = ("one.weight@0", "one.bias@0")
TWO = ("two", 6, ("two",), cuts("two.weight@0", "two.bias@0", "head.weight@1"))
BETWEEN = ("between.weight@0", "between.bias@0")
DEPTHWISE = ("depthwise.weight@0", "depthwise.bias@0")
EXCITE = ("excite.weight@0", "excite.bias@0")
HEAD = "head.weight@1"
NORM = ("norm.weight@0", "norm.bias@0", "norm.running_mean@0", "norm.running_var@0")
KNOWN = {
    "chain": (
        Chain(),
        [
            ("one", 8, ("one",), cuts("one.weight@0", *NORM, "two.weight@1")),
            ("two", 6, ("two",), cuts("two.weight@0", "two.bias@0", "head.weight@1*4")),
        ],
    ),
    "residual": (
        Residual(),
        [
            (
                "into", 8, ("into", "back"),
                cuts("into.weight@0", "into.bias@0", "inner.weight@1", "back.weight@0", "back.bias@0", HEAD),
            ),
            ("inner", 5, ("inner",), cuts("inner.weight@0", "inner.bias@0", "back.weight@1")),
        ],
    ),
    "concatenation": (
        Concat(),
        [
            ("left", 4, ("left",), cuts("left.weight@0", "left.bias@0", *NORM, "both.weight@1")),
            (
                "right", 6, ("right",),
                cuts("right.weight@0", "right.bias@0", *(f"{one}+4" for one in NORM), "both.weight@1+4"),
            ),
            ("both", 5, ("both",), cuts("both.weight@0", "both.bias@0", "head.weight@1")),
        ],
    ),
    "depthwise": (
        Depthwise(),
        [
            (
                "into", 8, ("into", "depthwise"),
                cuts("into.weight@0", "into.bias@0", *DEPTHWISE, "out.weight@1"),
            ),
            ("out", 6, ("out",), cuts("out.weight@0", "out.bias@0", "head.weight@1")),
        ],
    ),
    "attention": (
        Attention(),
        [
            (
                "conv", 8, ("conv", "excite"),
                cuts("conv.weight@0", "conv.bias@0", "squeeze.weight@1", *EXCITE, HEAD),
            ),
            ("squeeze", 4, ("squeeze",), cuts("squeeze.weight@0", "squeeze.bias@0", "excite.weight@1")),
        ],
    ),
    "PReLU": (
        Between(nn.PReLU(8)),
        [("one", 8, ("one",), cuts(*ONE, "between.weight@0", "two.weight@1")), TWO],
    ),
    "PReLU of one number": (
        Between(nn.PReLU()),
        [("one", 8, ("one",), cuts(*ONE, "two.weight@1")), TWO],
    ),
    "layer norm": (
        Between(OverChannels(8)),
        [("one", 8, ("one",), cuts(*ONE, *BETWEEN, "two.weight@1")), TWO],
    ),
    "transposed": (
        Between(nn.ConvTranspose2d(8, 8, 2)),
        [
            ("one", 8, ("one",), cuts(*ONE, "between.weight@0")),
            ("between", 8, ("between",), cuts("between.weight@1", "between.bias@0", "two.weight@1")),
            TWO,
        ],
    ),
    "transposed depthwise": (
        Between(nn.ConvTranspose2d(8, 8, 2, groups=8)),
        [("one", 8, ("one", "between"), cuts(*ONE, *BETWEEN, "two.weight@1")), TWO],
    ),
}  # fmt: skip


def outline(groups: ChannelGroups) -> list[tuple[str, int, tuple[str, ...], set[Cut]]]:
    return [(group.name, group.size, group.makers, set(group.cuts)) for group in groups.groups]


@pytest.mark.parametrize("name", KNOWN)
def test_finds_what_belongs_together(name: str) -> None:
    net, expected = KNOWN[name]
    found = find_groups(net, IMAGE)
    assert outline(found) == expected
    assert all(group.blocks == 1 and len(group.cuts) == len(set(group.cuts)) for group in found.groups)
    assert found.whole == ()


def test_a_grouped_convolution_has_blocks_on_both_sides() -> None:
    one, between, two = find_groups(Between(nn.Conv2d(8, 12, 1, groups=4), read=12), IMAGE).groups
    assert set(one.cuts) == cuts(*ONE, "between.weight@1/4")
    assert set(between.cuts) == cuts("between.weight@0", "between.bias@0", "two.weight@1")
    assert (one.blocks, between.blocks, two.blocks) == (4, 4, 1)


def test_blocks_of_two_layers_are_blocks_of_both() -> None:
    grouped = nn.Sequential(nn.Conv2d(8, 24, 1, groups=4), nn.GroupNorm(6, 24))
    one, between, _ = find_groups(Between(grouped, read=24), IMAGE).groups
    assert (one.blocks, between.blocks) == (4, 12)


@pytest.mark.parametrize(("parts", "blocks"), [(1, 1), (2, 2), (8, 1)])
def test_a_group_norm_has_blocks_but_where_each_channel_is_alone(parts: int, blocks: int) -> None:
    one, _ = find_groups(Between(nn.GroupNorm(parts, 8)), IMAGE).groups
    assert set(one.cuts) == cuts(*ONE, *BETWEEN, "two.weight@1")
    assert one.blocks == blocks


NOT_FOLLOWED = "not all that reads them could be followed"
TIED, FOUR, MADE = (
    "'two.weight' is shared",
    "'between' has 4 groups",
    "'between' makes its weights of others",
)


@pytest.mark.parametrize(
    ("net", "whole"),
    [
        (Twice(), {"one": TIED, "two": TIED, "three": "'three.weight' is shared"}),
        (Between(nn.Conv2d(4, 8, 1, groups=4), made=4), {"one": FOUR}),
        (Between(nn.Conv2d(8, 4, 1, groups=4), read=4), {"one": FOUR, "between": FOUR}),
        (Between(nn.ConvTranspose2d(8, 8, 1, groups=4)), {"one": FOUR, "between": FOUR}),
        (Between(nn.Sequential(nn.Conv2d(8, 32, 1), nn.PixelShuffle(2))), {"between.0": NOT_FOLLOWED}),
        (Between(nn.GLU(1), made=16), {"one": NOT_FOLLOWED}),
        (
            Between(EfficientAttention()),
            {"between.grouped": NOT_FOLLOWED, "between.attention": NOT_FOLLOWED},
        ),
        (Between(weight_norm(nn.Conv2d(8, 8, 1))), {"one": MADE, "between": MADE}),
        (Decoder(), {"linear": "only some of them are joined with those of other layers"}),
    ],
)
def test_says_in_a_few_words_what_cannot_be_thinned(net: nn.Module, whole: dict[str, str]) -> None:
    assert {one.name: one.why for one in find_groups(net, IMAGE).whole} == whole


def test_a_channel_shuffle_leaves_the_rest_of_a_net() -> None:
    between = nn.Sequential(nn.Conv2d(8, 8, 1), Shuffled(), nn.Conv2d(8, 8, 1))
    found = find_groups(Between(between), IMAGE)
    assert [group.name for group in found.groups if group.name != "between.0"] == ["one", "between.2", "two"]


def test_a_net_that_cannot_be_traced_says_so_and_keeps_all() -> None:
    class Fails(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("no such\nthing")

    (whole,) = find_groups(Fails(), IMAGE).whole
    assert whole == ("", "the net cannot be traced: ValueError: no such thing")


def test_neither_the_net_nor_random_numbers_change() -> None:
    net = filled(Between(nn.Dropout(0.5))).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = torch.get_rng_state()
    find_groups(net, IMAGE)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training and all(parameter.grad is None for parameter in net.parameters())


def test_the_groups_of_a_spec_are_those_of_its_plain_backbone() -> None:
    spec = ModelSpec("vgg11", 10, 1, channels={"features.0": 0.5}, image_size=(28, 28))
    groups = groups_of(spec)
    assert groups is groups_of(ModelSpec("vgg11", 10, 1, image_size=(28, 28)))
    assert groups["features.0"].size == 64, "of the net that nothing is taken out of"
    with pytest.raises(ValueError, match="image_size"):
        groups_of(ModelSpec("vgg11", 10, 1))
    with pytest.raises(InputError, match=r"no group of channels 'features\.1'; did you mean"):
        groups["features.1"]
