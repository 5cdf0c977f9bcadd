"""What a space may say about layers that share filters, and what of it people are shown."""

from __future__ import annotations

from typing import Any

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.ranges import Share
from lcsearch.core.strict import validate
from lcsearch.layers.shared_rule import Part, SharedRule


def rule(**own: Any) -> SharedRule:
    return validate(SharedRule, own, "space")


def test_left_out_it_is_every_way_with_few_unique_filters() -> None:
    assert rule().share_by == ["stage", "position", "none"]
    assert rule().shared == Share(low=1 / 64, high=0.5, log=True)
    assert rule().unique == Part(low=0.0, high=0.25)


def test_both_ends_of_a_part_are_allowed() -> None:
    own = rule(unique={"low": 0, "high": 1}, shared=1, share_by="stage")
    assert own.shown() == {"share_by": ["stage"], "shared": own.shared, "unique": Part(low=0.0, high=1.0)}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"unique": -0.1}, "unique: -0.1 is not allowed; it must be in [0, 1]"),
        ({"unique": {"low": 0, "high": 1.5}}, "unique.high: 1.5 is not allowed; it must be in [0, 1]"),
        ({"shared": 0}, "shared: 0.0 is not allowed; it must be in (0, 1]"),
        ({"share_by": ["block"]}, "share_by[0]: 'block' is not allowed; "),
        ({"uniques": 0}, "uniques: unknown key; did you mean 'unique'?"),
    ],
    ids=str,
)
def test_mistakes_are_named(own: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        rule(**own)
    assert str(caught.value).startswith(f"space: {message}")
