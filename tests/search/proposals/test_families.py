"""Models that promise to lose the least, where layers may be of two families: of each what was measured."""

from __future__ import annotations

import itertools
import random

import pytest
from spaces import bind_backbone

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.compress.thin_sensitivity import ChannelRow
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers import lookup
from lcsearch.search.proposals.descent import best_seen, counts_to_measure
from lcsearch.search.proposals.guided import best_for_budgets
from lcsearch.search.space import BoundSpace

pytestmark = pytest.mark.slow

RULE = {
    "kind": ["conv", "linear", "separable"],
    "alpha": {"low": 0.05, "high": 1.0},
    "pointwise": ["full", "low_rank"],
}


def bound(channels: float = 1.0) -> BoundSpace:
    rule = RULE | {"channels": {"low": channels, "high": 1.0}}
    return bind_backbone("base", 1, layers={"features.0": {"kind": "conv"}, "*": rule})


def measured(space: BoundSpace, dear: str = "") -> Sensitivity:
    """Each way loses the more the less it keeps, those of a dear family ten times as much."""
    draw, shapes = random.Random(0), space.shapes(space.thinning.full)
    rows = [
        Row(name, way, 0.0, 0.0, draw.uniform(0.2, 1.0) * shapes[name].params / way.params)
        for name in space.searched_layers
        for way in lookup.ways(shapes[name], space.families)
    ]
    rows = [
        Row(r.layer, r.way, 0.0, 0.0, r.divergence * (10 if r.way.spec.family == dear else 1)) for r in rows
    ]
    channels = [
        ChannelRow(name, kept, space.thinning.found[name].size, 0, 0.0, 0.0, 2000.0 / kept)
        for name, own in counts_to_measure(space.thinning).items()
        for kept in own
    ]
    return Sensitivity(0.0, 100.0, 1, tuple(rows), tuple(channels))


def kinds(models: list[ModelSpec]) -> set[str]:
    return {layer.family for model in models for layer in model.layers.values()}


def test_the_model_is_the_best_of_all_that_was_measured_of_both() -> None:
    space, budget = bound(), 50_000
    found = measured(space)
    rows = [[None, *(r for r in found.rows if r.layer == name)] for name in space.searched_layers]
    best = float("inf")
    for chosen in itertools.product(*rows):
        own = [row for row in chosen if row is not None]
        model = ModelSpec("base", 10, 1, layers={row.layer: row.way.spec for row in own})
        in_space = space.encode(TrialSpec(model)) is not None
        if in_space and space.params(model) <= budget:
            best = min(best, sum(row.divergence for row in own))
    (model,) = best_for_budgets(found, space, [budget])
    losses = {(row.layer, row.way.spec): row.divergence for row in found.rows}
    assert sum(losses[layer] for layer in model.layers.items()) == pytest.approx(best)


@pytest.mark.parametrize("channels", [1.0, 0.25])
def test_a_family_that_loses_more_is_left_out(channels: float) -> None:
    space = bound(channels)
    budgets = [space.params(space.plain()) // part for part in (2, 4, 6)]
    best = best_seen if channels < 1 else best_for_budgets
    assert kinds(best(measured(space, dear="linear"), space, budgets)) == {"separable"}
    assert kinds(best(measured(space, dear="separable"), space, budgets)) == {"linear"}
    for model in best(measured(space), space, budgets):
        assert space.encode(TrialSpec(model)) is not None
