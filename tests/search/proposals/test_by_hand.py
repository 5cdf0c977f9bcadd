"""What is picked by hand for three layers with 12, 38 and 50 % of the parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.search.proposals.handpicked import hand_picked, known_good
from lcsearch.search.space import BoundSpace, bind, parse_space

LINEAR = {"kind": ["conv", "linear"], "alpha": {"low": 0.001, "high": 1.0}}


def bound(rules: dict[str, Any] | None = None, width: float = 1.0) -> BoundSpace:
    with torch.device("meta"):
        net = nn.ModuleList(nn.Conv2d(64, out, 1, bias=False) for out in (24, 76, 100))
    plain = {"version": 1, "backbone": "*", "layers": rules or {"*": LINEAR}, "width": width}
    return bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 64, width), lambda _: net)


def model(width: float = 1.0, **shares: float) -> ModelSpec:
    return ModelSpec("net", 10, 64, width, {name[1:]: LinearSpec(share) for name, share in shares.items()})


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


def test_one_share_for_all_is_picked_even_where_the_space_forbids_it() -> None:
    found = hand_picked(bound({"0": {"kind": "conv"}, "*": LINEAR | {"alpha": 0.2}}), thinner=False)
    assert [(one.origin, one.label) for one in found] == [
        ("baseline", "plain backbone"),
        ("uniform", "uniform alpha 1/2"),
        ("uniform", "uniform alpha 1/4"),
        ("uniform", "uniform alpha 1/8"),
    ]
    assert [one.spec for one in found] == [
        TrialSpec(model()),
        TrialSpec(model(_1=0.5, _2=0.5)),
        TrialSpec(model(_1=0.25, _2=0.25)),
        TrialSpec(model(_1=canonical(1 / 8, 76), _2=canonical(1 / 8, 100))),
    ]


@pytest.mark.parametrize(
    ("width", "target", "thin"),
    [
        (1.0, 33_400, 33 / 64),
        (1.0, 33_600, 34 / 64),
        (1.0, 10, 1 / 64),
        (1.0, 64_000, 1.0),
        (2 / 64, 1_000, 1 / 64),
        (2 / 64, 2_900, 2 / 64),
        (0.5, 31_400, 31 / 64),
        (0.51, 90_000, 0.5),
    ],
)
def test_a_thinner_net_has_the_width_whose_size_is_nearest(width: float, target: int, thin: float) -> None:
    """Here a net has 64,000 parameters a unit of width."""
    found = hand_picked(
        bound(width=width), lambda spec: target if spec.layers else round(64_000 * spec.width), thinner=True
    )
    thinner = [one for one in found if one.origin == "thinner"]
    if thin == width:
        assert thinner == [], "the backbone itself is there already"
        return
    assert [one.spec.model for one in thinner] == [model(thin)]
    assert thinner[0].label == f"thinner, width {thin:.3g}"


def test_the_nearest_size_is_nearest_as_a_ratio() -> None:
    """Between 1,000 and 2,000 the middle of the logarithms is 1,414."""
    for target, thin in ((1_410, 1 / 64), (1_420, 2 / 64)):
        found = hand_picked(
            bound(),
            lambda spec, size=target: size if spec.layers else round(64_000 * spec.width),
            thinner=True,
        )
        assert {one.spec.model.width for one in found if one.origin == "thinner"} == {thin}
