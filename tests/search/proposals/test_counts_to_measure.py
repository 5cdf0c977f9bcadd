"""Numbers of channels whose loss is measured, by hand: of 8 channels and of 6."""

from __future__ import annotations

from typing import Any

import pytest
from channel_nets import Chain

from lcsearch.core.spec import ModelSpec
from lcsearch.search.proposals.descent import counts_to_measure
from lcsearch.search.space import bind, parse_space

ALL = {"low": 0.1, "high": 1.0}


@pytest.mark.parametrize(
    ("layers", "granularity", "counts"),
    [
        ({"*": {"channels": ALL}}, "layer", {"one": [6, 4, 2, 1], "two": [5, 3, 2, 1]}),
        ({"*": {"channels": ALL}}, "network", {"one": [6, 4, 2, 1], "two": [5, 3, 2, 1]}),
        ({"one": {"channels": ALL}, "*": {}}, "layer", {"one": [6, 4, 2, 1]}),
        ({"*": {"channels": {"low": 0.25, "high": 0.5}}}, "layer", {"one": [4, 2], "two": [3, 2]}),
        ({"*": {"channels": {"low": 0.5, "high": 1.0}, "round_to": 4}}, "layer", {"one": [4], "two": [4]}),
        ({"*": {}}, "layer", {}),
    ],
)
def test_they_are_nearest_to_a_few_shares_and_none_is_all(
    layers: dict[str, Any], granularity: str, counts: dict[str, list[int]]
) -> None:
    space = parse_space({"version": 1, "backbone": "*", "granularity": granularity, "layers": layers}, "f")
    bound = bind(space, Chain(), ModelSpec("net", 10, 3), (3, 8, 8))
    assert counts_to_measure(bound.thinning) == counts
