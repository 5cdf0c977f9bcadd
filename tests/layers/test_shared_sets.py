"""Who shares, in nets of different make."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import nn

from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.layers.shared_sets import ShareBy, sets_of
from lcsearch.nets import backbones
from lcsearch.nets.replaceable import conv_layers, shape_of

FIRST = "it is in the first block of its stage"
ALONE = "no other layer of its stage has its shape"


@cache
def shapes(name: str) -> Shapes:
    with torch.device("meta"):
        model = backbones.build(name, num_classes=10, in_channels=3)
    return {name: shape_of(conv) for name, conv in conv_layers(model).items()}


def blocks(stage: int, count: int, *parts: str) -> tuple[str, ...]:
    return tuple(f"stages.{stage}.{block}.{part}.0" for block in range(1, count) for part in parts)


def test_resnet32_shares_by_stage_and_leaves_first_blocks_plain() -> None:
    found = sets_of(shapes("resnet32"), "stage")
    assert list(found.members.values()) == [blocks(stage, 5, "first", "second") for stage in range(3)]
    assert list(found.members) == [own[0] for own in found.members.values()]
    assert found.left == dict.fromkeys(
        ["stem.0.0", *(f"stages.{s}.0.{part}.0" for s in range(3) for part in ("first", "second"))], FIRST
    )


def test_resnet32_shares_by_position() -> None:
    found = sets_of(shapes("resnet32"), "position")
    assert list(found.members.values()) == [
        blocks(stage, 5, part) for stage in range(3) for part in ("first", "second")
    ]


def test_projections_of_shortcuts_share_with_nobody() -> None:
    found = sets_of(shapes("resnet34"), "stage")
    assert [len(own) for own in found.members.values()] == [4, 6, 10, 4]
    assert not any("shortcut" in name for own in found.members.values() for name in own)
    torchvisions = sets_of(shapes("torchvision:resnet18"), "stage")
    assert list(torchvisions.members.values()) == [
        (f"layer{stage}.1.conv1", f"layer{stage}.1.conv2") for stage in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("by", ["stage", "position"])
def test_the_layers_of_a_chain_share_behind_the_one_that_widens_it(by: ShareBy) -> None:
    found = sets_of(shapes("vgg11"), by)
    assert list(found.members.values()) == [("features.18", "features.22", "features.25")]
    assert found.left["features.8"] == FIRST and found.left["features.11"] == ALONE


@pytest.mark.parametrize("name", ["mobilenetv2", "torchvision:mobilenet_v2"])
def test_the_expansions_of_mobilenet_share(name: str) -> None:
    found, own = sets_of(shapes(name), "stage"), shapes(name)
    assert [len(members) for members in found.members.values()] == [2, 3, 2, 2]
    for members in found.members.values():
        assert {own[name].kernel for name in members} == {(1, 1)}
        assert all(own[name].out_channels == 6 * own[name].in_channels for name in members)
    assert set(found.left.values()) >= {"it is depthwise", "its kernel is 1x1 and it adds no channels"}


def test_every_layer_shares_or_says_why_not() -> None:
    for name in ("resnet32", "vgg11", "squeezenet", "resnext29", "allconv"):
        found = sets_of(shapes(name), "stage")
        members = [layer for own in found.members.values() for layer in own]
        assert sorted([*members, *found.left]) == sorted(shapes(name))
        assert list(found.left) == [layer for layer in shapes(name) if layer in found.left]
        assert all(found.left.values()) and all(len(own) > 1 for own in found.members.values())


def test_a_chain_in_parts_is_no_row_of_blocks() -> None:
    part = nn.Sequential(nn.Conv2d(8, 16, 3), nn.Conv2d(16, 16, 3, bias=False), nn.Conv2d(16, 16, 3))
    net = nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)), part)
    own = {name: shape_of(conv) for name, conv in conv_layers(net).items()}
    assert sets_of(own, "stage").members == {"1.1": ("1.1", "1.2")}, "also where only one has a bias"


def test_a_chain_of_wrapped_layers_is_one() -> None:
    net = nn.Sequential(*[nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)) for _ in range(3)])
    own = {name: shape_of(conv) for name, conv in conv_layers(net).items()}
    assert sets_of(own, "position").members == {"1.0": ("1.0", "2.0")}


def test_stages_of_as_many_channels_in_different_parts_are_apart() -> None:
    shape = ConvShape(16, 16, (3, 3))
    names = [f"{part}.{block}.{conv}" for part in "ab" for block in range(3) for conv in "xy"]
    assert list(sets_of(dict.fromkeys(names, shape), "stage").members.values()) == [
        ("a.1.x", "a.1.y", "a.2.x", "a.2.y"),
        ("b.1.x", "b.1.y", "b.2.x", "b.2.y"),
    ]
