"""What is picked by hand for three layers with 12, 38 and 50 % of the parameters."""

from __future__ import annotations

from typing import Any

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
