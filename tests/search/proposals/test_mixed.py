"""Every second model that promises to lose the least is of the family that else hardly comes up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from spaces import bind_backbone

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers import lookup
from lcsearch.search.proposals.guided import best_for_budgets
from lcsearch.search.proposals.mixed import of_all_families
from lcsearch.search.space import BoundSpace


def bound(*kinds: str, last: str = "conv") -> BoundSpace:
    rule = {"alpha": {"low": 0.05, "high": 1.0}, "terms": {"low": 1, "high": 4}}
    layers = {"features.0": {"kind": last}, "*": rule | {"kind": ["conv", *kinds]}}
    return bind_backbone("base", 1, layers=layers, min_share=0.0)


def measured(space: BoundSpace, dear: str = "") -> Sensitivity:
    """Each way loses what it saves, those of one family three times as much."""
    shapes = space.shapes(space.thinning.full)
    rows = [
        Row(
            name,
            way,
            0.0,
            0.0,
            (3 if way.spec.family == dear else 1) * (shapes[name].params / way.params - 1),
        )
        for name in space.searched_layers
        for way in lookup.ways(shapes[name], space.families)
    ]
    return Sensitivity(0.0, 100.0, 1, tuple(rows))


def kinds(model: ModelSpec) -> set[str]:
    return {layer.family for layer in model.layers.values()}


@pytest.mark.parametrize(("dear", "cheap"), [("separable", "linear"), ("linear", "separable")])
def test_half_of_them_are_of_the_family_that_loses_more(dear: str, cheap: str) -> None:
    space = bound("linear", "separable")
    budgets = [200_000, 120_000, 90_000, 60_000]
    models = of_all_families(best_for_budgets, measured(space, dear), space, budgets)
    assert [kinds(model) for model in models] == [{cheap}, {dear}, {cheap}, {dear}]
    for model, budget in zip(models, budgets, strict=True):
        assert 0.7 * budget < space.params(model) <= budget
        assert space.encode(TrialSpec(model)) is not None


def test_of_three_families_the_two_that_lose_more_take_turns() -> None:
    space = bound("linear", "separable", "basis")
    found = measured(space)
    rows = [
        replace(
            row, divergence=row.divergence * {"linear": 9, "separable": 3, "basis": 1}[row.way.spec.family]
        )
        for row in found.rows
    ]
    budgets = [200_000, 170_000, 150_000, 130_000, 110_000, 100_000, 90_000, 80_000]
    models = of_all_families(best_for_budgets, replace(found, rows=tuple(rows)), space, budgets)
    assert [kinds(model) for model in models[::2]] == [{"basis"}] * 4
    alone = [kinds(model) for model in models[1::2]]
    assert alone == [{"linear"}, {"separable"}, {"linear"}, {"separable"}]


def test_a_family_that_makes_no_model_leaves_its_turns_to_all() -> None:
    space = bound("linear", "separable", "basis")
    budgets = [200_000, 150_000, 120_000, 100_000]

    def best(found: Sensitivity, bound: BoundSpace, budgets: Sequence[int]) -> list[ModelSpec]:
        families = {row.way.spec.family for row in found.rows}
        return [] if families == {"linear"} else best_for_budgets(found, bound, budgets)

    models = of_all_families(best, measured(space, "linear"), space, budgets)
    assert len(models) == 4 and {"linear"} not in [kinds(model) for model in models]


def test_of_one_family_nothing_changes() -> None:
    space, budgets = bound("linear"), [200_000, 60_000]
    found = measured(space)
    assert of_all_families(best_for_budgets, found, space, budgets) == best_for_budgets(found, space, budgets)


def test_where_one_family_alone_makes_no_model_all_are_over_all_families() -> None:
    """The first layer must be of another."""
    space, budgets = bound("separable", "linear", last="linear"), [200_000, 120_000, 90_000]
    asked: list[tuple[int, ...]] = []

    def best(found: Sensitivity, bound: BoundSpace, budgets: Sequence[int]) -> list[ModelSpec]:
        asked.append(tuple(budgets))
        return best_for_budgets(found, bound, budgets)

    models = of_all_families(best, measured(space, "separable"), space, budgets)
    assert models == best_for_budgets(measured(space, "separable"), space, budgets)
    assert asked == [tuple(budgets), (120_000,)]


@cache
def thinnable() -> BoundSpace:
    """Where channels may go, too."""
    rule = {"kind": ["conv", "linear", "separable"], "alpha": {"low": 0.05, "high": 1.0}}
    layers = {"*": rule | {"terms": {"low": 1, "high": 4}, "channels": {"low": 0.25, "high": 1.0}}}
    return bind_backbone("base", 1, layers=layers, min_share=0.0)


@pytest.mark.parametrize("dear", ["separable", "linear"])
def test_what_trains_from_scratch_is_of_separable_layers_alone_whatever_they_lose(dear: str) -> None:
    space, budgets = thinnable(), [200_000, 120_000, 90_000, 80_000, 70_000]
    models = of_all_families(best_for_budgets, measured(space, dear), space, budgets, 90_001)
    other = {"separable": "linear", "linear": "separable"}[dear]
    assert [kinds(model) for model in models] == [{other}, {dear}, *[{"separable"}] * 3]


def test_where_channels_stay_what_trains_from_scratch_is_over_all_families() -> None:
    space, budgets = bound("linear", "separable"), [90_000, 60_000]
    found = measured(space, "separable")
    models = of_all_families(best_for_budgets, found, space, budgets, 1e9)
    assert models == best_for_budgets(found, space, budgets)
    assert [kinds(model) for model in models] == [{"linear"}] * 2


def test_where_separable_layers_alone_make_no_model_all_families_do() -> None:
    space, budgets = thinnable(), [90_000, 60_000]
    found = measured(space, "separable")

    def best(found: Sensitivity, bound: BoundSpace, budgets: Sequence[int]) -> list[ModelSpec]:
        one = len({row.way.spec.family for row in found.rows}) == 1
        return [] if one else best_for_budgets(found, bound, budgets)

    assert of_all_families(best, found, space, budgets, 1e9) == best_for_budgets(found, space, budgets)


@pytest.mark.parametrize(("below", "cut_out"), [(0.0, 3), (60_000, 3), (60_001, 2), (1e9, 0)])
def test_a_model_of_just_as_many_parameters_is_cut_out(below: float, cut_out: int) -> None:
    space, budgets = thinnable(), [90_001, 90_000, 60_000]
    asked: list[list[int]] = []

    def best(found: Sensitivity, bound: BoundSpace, budgets: Sequence[int]) -> list[ModelSpec]:
        asked.append(list(budgets))
        return []

    assert of_all_families(best, Sensitivity(0.0, 100.0, 1, ()), space, budgets, below) == []
    assert asked[0] == (budgets[:cut_out] or budgets) and asked[-1] == (budgets[cut_out:] or [90_000])
    assert all(asked), "nothing is asked of no budget"
