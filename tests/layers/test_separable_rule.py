"""What a space may say about separable layers, and what of it people are shown."""

from __future__ import annotations

from typing import Any

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.ranges import Count, Share
from lcsearch.core.strict import validate
from lcsearch.layers.separable_rule import SeparableRule

RATIO = {"low": 0.2, "high": 0.4}


def rule(**own: Any) -> SeparableRule:
    return validate(SeparableRule, own, "space")


def test_left_out_it_is_one_to_three_full_terms() -> None:
    assert (rule().terms, rule().pointwise) == (Count(low=1, high=3), ["full"])
    assert rule().pointwise_rank_ratio == Share(low=0.1, high=0.5, log=True)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"terms": 0}, "terms: 0 is not allowed; it must be a whole number of at least 1"),
        ({"terms": {"low": 0, "high": 2}}, "terms.low: 0 is not allowed; it must be a whole number of at"),
        ({"pointwise": ["half"]}, "pointwise[0]: 'half' is not allowed; "),
        ({"pointwise_rank_ratio": 0}, "pointwise_rank_ratio: 0.0 is not allowed; it must be in (0, 1]"),
        ({"pointwise_rank": 3}, "pointwise_rank: unknown key; did you mean"),
    ],
    ids=str,
)
def test_mistakes_are_named(own: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        rule(**own)
    assert str(caught.value).startswith(f"space: {message}")


@pytest.mark.parametrize(
    ("own", "names"),
    [
        ({}, ["terms", "pointwise"]),
        ({"pointwise": "low_rank"}, ["terms", "pointwise"]),
        ({"pointwise_rank_ratio": RATIO}, ["terms", "pointwise"]),
        ({"pointwise": ["full", "low_rank"], "pointwise_rank_ratio": RATIO},
         ["terms", "pointwise", "pointwise_rank_ratio"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_matters_is_shown(own: dict[str, Any], names: list[str]) -> None:
    assert rule(**own).shown() == {name: getattr(rule(**own), name) for name in names}
