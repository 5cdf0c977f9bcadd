"""What a space may say about LinearConv layers, and what of it people are shown."""

from __future__ import annotations

from typing import Any

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.ranges import Count, Share
from lcsearch.core.strict import validate
from lcsearch.layers.linear_rule import LinearRule, Sparsity

ALPHA = Share(low=0.1, high=0.5)


def rule(**own: Any) -> LinearRule:
    return validate(LinearRule, {"alpha": {"low": 0.1, "high": 0.5}} | own, "space")


@pytest.mark.parametrize(
    ("own", "more"),
    [
        ({}, {}),
        ({"rank": 4}, {}),
        ({"sparsity": 0.5}, {}),
        ({"coefficients": "low_rank"}, {}),
        ({"coefficients": "low_rank", "rank_ratio": {"low": 0.05, "high": 0.5, "log": True}}, {}),
        ({"coefficients": "low_rank", "rank_ratio": 0.25}, {"rank_ratio": Share(low=0.25, high=0.25)}),
        ({"coefficients": "low_rank", "rank": 4}, {"rank": Count(low=4, high=4)}),
        ({"coefficients": "low_rank", "sparsity": 0.5}, {}),
        ({"coefficients": "sparse"}, {}),
        ({"coefficients": "sparse", "rank": 4}, {}),
        ({"coefficients": "sparse", "sparsity": {"low": 0.25, "high": 0.9}}, {}),
        ({"coefficients": "sparse", "sparsity": 0}, {"sparsity": Sparsity(low=0.0, high=0.0)}),
    ],
    ids=str,
)
def test_what_matters_is_shown(own: dict[str, Any], more: dict[str, Any]) -> None:
    kinds = [own.get("coefficients", "full")]
    assert rule(**own).shown() == {"alpha": ALPHA, "coefficients": kinds} | more


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"sparsity": 1.0}, "sparsity: 1.0 is not allowed; it must be in [0, 1)"),
        ({"sparsity": {"low": -0.1, "high": 0.5}}, "sparsity.low: -0.1 is not allowed; it must be in [0, 1)"),
        ({"rank": 2, "rank_ratio": 0.5}, "rank: rank and rank_ratio exclude each other; write one of them"),
    ],
    ids=str,
)
def test_mistakes_are_named(own: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        rule(**own)
    assert str(caught.value) == f"space: {message}"


def test_what_decides_the_rank() -> None:
    assert rule().ranks == Share(low=0.05, high=0.5, log=True)
    assert rule(rank=4).ranks == Count(low=4, high=4)
    assert rule(rank_ratio=0.25).ranks == Share(low=0.25, high=0.25)
