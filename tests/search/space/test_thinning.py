"""How many channels stay: from shares to counts and back, and sizes against nets that are built thinner."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from channel_nets import Attention, Between, Chain, Concat, Decoder, Depthwise, Residual
from hypothesis import given, settings
from hypothesis import strategies as st
from spaces import Random
from torch import nn

from lcsearch.core.parameters import Number
from lcsearch.core.ranges import Share
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.nets import surgery
from lcsearch.nets.channels import thin
from lcsearch.nets.count import count
from lcsearch.nets.replaceable import conv_layers, shape_of
from lcsearch.search.space import BoundSpace, bind, parse_space
from lcsearch.search.space.thinning import ChannelChoice, allowed

RULE = {"kind": ["conv", "linear"], "coefficients": ["full", "low_rank"]}
NETS: dict[str, Any] = {
    "chain": Chain,
    "residual": Residual,
    "concat": Concat,
    "depthwise": Depthwise,
    "attention": Attention,
    "decoder": Decoder,
    "grouped": lambda: Between(nn.Conv2d(8, 8, 3, padding=1, groups=2)),
    "group norm": lambda: Between(nn.GroupNorm(4, 8)),
}
"""Nets that are thinned, by what is particular of them."""


def bound(net: nn.Module, channels: Any, round_to: int = 1, **more: Any) -> BoundSpace:
    rule = RULE | {"channels": channels, "round_to": round_to}
    space = parse_space({"version": 1, "backbone": "*", "layers": {"*": rule}} | more, "f")
    return bind(space, net, ModelSpec("net", 10, 3), (3, 8, 8))


def built(net: nn.Module, space: BoundSpace, model: ModelSpec) -> nn.Module:
    found = space.thinning.found
    thinned = thin(copy.deepcopy(net), found, found.kept(model.channels))
    return surgery.convert(thinned, model.layers)


@pytest.mark.parametrize(
    ("channels", "size", "step", "expected"),
    [
        (1.0, 12, 8, [12]),
        (0.5, 12, 1, [6]),
        (0.5, 12, 8, [8]),
        (0.5, 9, 1, [5]),
        ((0.125, 1.0), 64, 16, [16, 32, 48, 64]),
        ((0.125, 1.0), 20, 8, [8, 16, 20]),
        ((0.125, 1.0), 6, 8, [6]),
        ((0.25, 0.5), 64, 8, [16, 24, 32]),
        ((0.01, 0.3), 10, 1, [1, 2, 3]),
    ],
)
def test_counts_are_multiples_and_all(channels: Any, size: int, step: int, expected: list[int]) -> None:
    low, high = channels if isinstance(channels, tuple) else (channels, channels)
    assert list(allowed(Share(low=low, high=high), size, step)) == expected


def test_a_step_that_leaves_no_channel() -> None:
    with pytest.raises(ValueError, match=r"no multiple of 16 is at most 0\.25 of 24"):
        allowed(Share(low=0.125, high=0.25), 24, 16)


def test_an_answer_is_the_nearest_count_and_the_larger_of_two() -> None:
    number = Number("a/channels", Share(low=0.125, high=1.0))
    choice = ChannelChoice("a", (0,), number, (20,), ((8, 16, 20),))
    shares = (0.125, 0.59, 0.6, 0.89, 0.9, 1.0)
    assert [choice.at(share) for share in shares] == [(8,), (8,), (16,), (16,), (20,), (20,)]
    assert choice.share((8,)) == 0.4 and choice.share((20,)) == 1.0
    assert choice.share((10,)) is None and choice.share((4,)) is None
    assert choice.least_shrink((8,)) == 0.4


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=4),
    step=st.sampled_from([1, 2, 8]),
    low=st.floats(0.01, 1.0),
    span=st.floats(0.0, 1.0),
    asked=st.floats(0.0, 1.0),
    shrink=st.floats(0.05, 1.0),
)
def test_every_answer_has_a_way_back(
    sizes: list[int], step: int, low: float, span: float, asked: float, shrink: float
) -> None:
    channels = Share(low=low, high=low + span * (1 - low))
    try:
        counts = tuple(allowed(channels, size, step) for size in sizes)
    except ValueError:
        return
    choice = ChannelChoice("a", tuple(range(len(sizes))), Number("a", channels), tuple(sizes), counts)
    share = max(channels.low, (channels.low + asked * (channels.high - channels.low)) * shrink)
    kept = choice.at(share)
    assert all(count in own for count, own in zip(kept, counts, strict=True))
    again = choice.share(kept)
    assert again is not None and choice.at(again) == kept
    least = choice.least_shrink(kept)
    assert least is not None and least <= 1
    answer = choice.answer(kept, least)
    assert answer is not None and channels.low <= answer <= channels.high
    assert choice.at(max(channels.low, answer * least)) == kept


@pytest.mark.parametrize("granularity", ["layer", "stage", "network"])
@pytest.mark.parametrize("name", NETS)
def test_sizes_are_those_of_the_net_that_is_built(name: str, granularity: str) -> None:
    net = NETS[name]()
    space = bound(net, {"low": 0.2, "high": 1.0}, granularity=granularity)
    assert space.thinning.choices
    for seed in range(12):
        spec = space.suggest(Random(random.Random(seed)))
        assert space.params(spec.model) == count(built(net, space, spec.model), (3, 8, 8)).params
        encoded = space.encode(spec)
        assert encoded is not None and space.decode(encoded[0]) == spec
    for model in (space.smallest(), space.largest(), space.thinner(0.5), space.plain()):
        assert space.params(model) == count(built(net, space, model), (3, 8, 8)).params


@pytest.mark.parametrize("name", NETS)
def test_shapes_are_those_of_the_net_that_is_built(name: str) -> None:
    net = NETS[name]()
    space = bound(net, {"low": 0.2, "high": 1.0})
    for share in (0.2, 0.5, 1.0):
        model = space.thinner(share)
        convs = conv_layers(built(net, space, model))
        shapes = space.shapes(space.thinning.counts(model.channels))
        assert shapes == {conv: shape_of(module) for conv, module in convs.items()}


def test_a_space_that_keeps_all_channels_looks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Chain()
    with monkeypatch.context() as patch:
        patch.setattr("lcsearch.nets.channels.find_groups", None)
        space = bound(net, 1.0)
        assert space.thinning.groups == () and space.thinning.words() is None
        assert space.params(space.plain()) == sum(p.numel() for p in net.parameters())
    thinner = space.thinner(0.5)
    assert thinner.channels == {"one": 0.5, "two": 0.5} and thinner.image_size == (8, 8)
    assert space.params(thinner) == 3 * 9 * 4 + 8 + (4 * 9 + 1) * 3 + 12 * 10 + 10
    assert space.encode(TrialSpec(thinner)) is None


def test_what_shrinks_layers_shrinks_channels() -> None:
    space = bound(Chain(), {"low": 0.1, "high": 1.0}, shrink={"low": 0.1, "high": 1.0})
    asked = {"shrink": 0.5, "one/channels": 1.0, "two/channels": 0.1, "one/kind": "conv", "two/kind": "conv"}
    assert space.decode(asked).model.channels == {"one": 0.5, "two": round(1 / 6, 6)}


def test_finding_groups_draws_no_random_number() -> None:
    net = Residual()
    state = torch.get_rng_state()
    bound(net, {"low": 0.2, "high": 1.0}).thinner(0.5)
    assert torch.equal(torch.get_rng_state(), state)
