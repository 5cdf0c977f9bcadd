"""What is picked by hand for three layers with 12, 38 and 50 % of the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.search.proposals.handpicked import hand_picked, known_good
from lcsearch.search.space import BoundSpace, bind, parse_space

LINEAR = {"kind": ["conv", "linear"], "alpha": {"low": 0.001, "high": 1.0}}


def bound(rules: dict[str, Any] | None = None) -> BoundSpace:
    with torch.device("meta"):
        net = nn.ModuleList(nn.Conv2d(64, out, 1, bias=False) for out in (24, 76, 100))
    plain = {"version": 1, "backbone": "*", "layers": rules or {"*": LINEAR}}
    return bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 64))


def model(**shares: float) -> ModelSpec:
    return ModelSpec("net", 10, 64, layers={name[1:]: LinearSpec(share) for name, share in shares.items()})


def canonical(share: float, out: int) -> float:
    """The share as whole filters, with six digits."""
    return round(max(1, round(share * out)) / out, 6)


def test_early_layers_that_hold_little_stay_plain() -> None:
    """The first holds exactly 12 %, and more than 5 %."""
    found = known_good(bound())
    assert [(one.origin, one.label) for one in found] == [
        ("given", "early plain, deep alpha 1/16"),
        ("given", "early plain, deep alpha 1/32"),
        ("given", "early plain, deep alpha 1/64"),
    ]
    assert [one.spec for one in found] == [
        TrialSpec(model(_1=canonical(1 / 16, 76), _2=canonical(1 / 16, 100))),
        TrialSpec(model(_0=canonical(1 / 32, 24), _1=canonical(1 / 32, 76), _2=canonical(1 / 32, 100))),
        TrialSpec(model(_0=canonical(1 / 64, 24), _1=canonical(1 / 64, 76), _2=canonical(1 / 64, 100))),
    ]


def test_a_shape_that_leaves_all_plain_is_none() -> None:
    """The first layer alone is searched; at 5 % one of its 24 filters is kept, for either share."""
    found = known_good(bound({"0": LINEAR}))
    assert [one.spec.model for one in found] == [model(_0=canonical(1 / 32, 24))]


def test_shares_are_as_near_as_the_space_allows() -> None:
    found = known_good(bound({"*": LINEAR | {"alpha": {"low": 0.2, "high": 0.5}}}))
    assert [one.spec.model for one in found] == [
        model(_1=canonical(0.2, 76), _2=0.2),
        model(_0=canonical(0.2, 24), _1=canonical(0.2, 76), _2=0.2),
    ]


def test_one_share_for_all_has_the_size_whatever_the_space_says_of_shares() -> None:
    """Of 12,800 parameters the first layer's 1,536 stay; at 16 of 76 and 20 of 100 filters 6,400 are left.

    16 · 64 + 60 · 16 = 1,984 and 20 · 64 + 80 · 20 = 2,880; with 21 of 100 there are 123 more. The net does
    not run, so that no thinner one is found, and the space goes no further.
    """
    found = hand_picked(bound({"0": {"kind": "conv"}, "*": LINEAR | {"alpha": 0.2}}))
    assert [(one.origin, one.label) for one in found] == [
        ("baseline", "plain backbone"),
        ("uniform", "uniform alpha 0.2"),
    ]
    assert [one.spec for one in found] == [
        TrialSpec(model()),
        TrialSpec(model(_1=canonical(0.204, 76), _2=0.2)),
    ]


SIZES = (16, 32, 64)


def chain(*kinds: str) -> BoundSpace:
    """Three convolutions in a row, all of whose channels may go."""
    one, two, three = SIZES
    net = nn.Sequential(
        nn.Conv2d(3, one, 3), nn.ReLU(), nn.Conv2d(one, two, 3), nn.ReLU(), nn.Conv2d(two, three, 3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(three, 10),
    )  # fmt: skip
    rule = {"kind": ["conv", *kinds], "channels": {"low": 0.05, "high": 1.0}, "round_to": 1}
    plain = {"version": 1, "backbone": "*", "layers": {"*": rule}}
    return bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 3), (3, 8, 8))


def plain_params(share: float) -> int:
    one, two, three = (max(1, math.floor(share * size + 0.5)) for size in SIZES)
    return 28 * one + (9 * one + 1) * two + (9 * two + 1) * three + 10 * three + 10


def separable_params(share: float) -> int:
    """Each filter is one kernel, mixed over what it reads."""
    one, two, three = (max(1, math.floor(share * size + 0.5)) for size in SIZES)
    layers = one * (9 + 3 + 1) + two * (9 + one + 1) + three * (9 + two + 1)
    return layers + 10 * three + 10


def largest(params: Callable[[float], int], size: int) -> int:
    """Of all shares of three digits."""
    return max(found for n in range(50, 1001) if (found := params(n / 1000)) <= size)


@pytest.mark.parametrize("limit", [None, 6_000])
def test_thinner_nets_are_as_large_as_fits(limit: int | None) -> None:
    """Of the family whose size channels set, as far as it reaches; else the plain one is cut out too.

    At the largest size it is cut out alone.
    """
    space = chain("separable")
    found, expected = hand_picked(space, limit), list[tuple[str, int]]()
    most = plain_params(1.0) if limit is None else 2 * limit
    for size in (most // 32, most // 16, most // 8, most // 4, most // 2):
        thin, other = largest(plain_params, size), largest(separable_params, size)
        reached = 1.25 * other >= size
        expected += [("thinner", thin), ("uniform thinner", other) if reached else ("thinner cut", thin)]
    assert expected[-1][0] == "thinner cut"
    del expected[-2]
    assert [(one.origin, space.params(one.spec.model)) for one in found[1:]] == expected
    families = {one.origin: {spec.family for spec in one.spec.model.layers.values()} for one in found[1:]}
    assert families == {"thinner": set(), "thinner cut": set(), "uniform thinner": {"separable"}}


def test_labels_say_the_share_of_the_channels() -> None:
    assert [one.label for one in hand_picked(chain("separable"))[-3:]] == [
        "thinner, channels 0.48", "thinner, cut out, channels 0.48", "thinner, cut out, channels 0.7"
    ]  # fmt: skip
    assert hand_picked(chain("separable"))[2].label == "thinner separable, channels 0.29"
    assert hand_picked(chain("linear"))[-1].label == "uniform alpha 0.43"
