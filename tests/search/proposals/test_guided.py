"""The knapsack against brute force, its models against the space, and the sizes that a run asks for."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from spaces import bind_backbone

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.layers.families import linear
from lcsearch.nets import surgery
from lcsearch.runs.settings import RunSettings
from lcsearch.search.proposals import guided as propose
from lcsearch.search.proposals.guided import Preparing, best_for_budgets, knapsack, log_spaced
from lcsearch.search.space import BoundSpace, bind, parse_space


@pytest.mark.parametrize("seed", range(20))
def test_the_knapsack_is_that_of_brute_force(seed: int) -> None:
    draw = random.Random(seed)
    groups = [
        [(draw.randint(1, 40), draw.choice([0.0, draw.random()])) for _ in range(draw.randint(1, 5))]
        for _ in range(5)
    ]
    budgets = [0, 10, 40, 70, 100, 300]
    for budget, places in zip(budgets, knapsack(groups, budgets), strict=True):
        all_ways = [
            (sum(option[1] for option in way), sum(option[0] for option in way))
            for way in itertools.product(*groups)
        ]
        fitting = [loss for loss, size in all_ways if size <= budget]
        if not fitting:
            assert places is None
            continue
        assert places is not None
        chosen = [group[place] for group, place in zip(groups, places, strict=True)]
        assert sum(size for size, _ in chosen) <= budget
        assert sum(loss for _, loss in chosen) == pytest.approx(min(fitting))


def test_with_few_sums_kept_the_budget_still_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose, "MOST_SUMS", 16)
    draw = random.Random(0)
    groups = [[(round(1000 * 0.7**n), n * draw.random()) for n in range(8)] for _ in range(10)]
    for budget, places in zip([2000, 5000], knapsack(groups, [2000, 5000]), strict=True):
        assert places is not None
        assert sum(group[place][0] for group, place in zip(groups, places, strict=True)) <= budget


def bound(granularity: str = "layer", kinds: str = "conv, linear", low: float = 0.05) -> BoundSpace:
    template = ModelSpec("base", 10, 1, 0.5)
    text = {
        "version": 1,
        "backbone": "base",
        "granularity": granularity,
        "layers": {
            "*": {
                "kind": kinds.split(", "),
                "alpha": {"low": low, "high": 1.0, "log": True},
                "coefficients": ["full", "low_rank"],
            }
        },
        "train": {"lr": {"low": 0.01, "high": 0.1}, "batch_size": 64},
        "regularizer": {"weight": 0.01},
    }
    with torch.device("meta"):
        return bind(parse_space(text, "space"), surgery.build_model(template), template)


def measured(space: BoundSpace) -> Sensitivity:
    draw = random.Random(0)
    ways = {
        name: linear.FAMILY.ways_of(shape, (0.5, 0.25, 0.125, 0.03125), (0.5, 0.25))
        for name, shape in space.shapes(()).items()
    }
    rows = [
        Row(name, way, loss=0.0, accuracy=0.0, divergence=draw.random() / way.spec.alpha)
        for name, own in ways.items()
        for way in own
    ]
    return Sensitivity(0.0, 100.0, 1, tuple(rows))


@pytest.mark.parametrize("granularity", ["layer", "stage", "network"])
@pytest.mark.parametrize("kinds", ["conv, linear", "linear"])
def test_models_are_in_the_space_and_within_their_budgets(granularity: str, kinds: str) -> None:
    space = bound(granularity, kinds)
    plain = space.params(space.template)
    budgets = [plain // 2, plain // 3, plain // 4]
    found = measured(space)
    models = best_for_budgets(found, space, budgets)
    known = {(row.layer, row.way.spec) for row in found.rows}
    assert models
    for model in models:
        assert model.layers.items() <= known
        assert space.canonical(model) == model
        recipe = Recipe(lr=0.05, batch_size=64)
        assert space.encode(TrialSpec(model, Regularizer(0.01), recipe)) is not None
        assert all(layer.alpha >= 0.05 for layer in model.layers.values())
    if granularity == "layer":
        assert len(models) == 3
        assert all(space.params(m) <= budget for m, budget in zip(models, budgets, strict=True))


def test_the_model_is_the_best_of_all_that_were_measured() -> None:
    space, budget = bound(), 30_000
    found = measured(space)
    names = space.searched_layers
    rows = [[r for r in found.rows if r.layer == name and r.way.spec.alpha >= 0.05] for name in names]
    best = float("inf")
    for chosen in itertools.product(*([None, *own] for own in rows)):
        layers = {row.layer: row.way.spec for row in chosen if row is not None}
        model = space.canonical(ModelSpec("base", 10, 1, 0.5, layers))
        assert model is not None
        if space.params(model) <= budget:
            best = min(best, sum(row.divergence for row in chosen if row is not None))
    (model,) = best_for_budgets(found, space, [budget])
    losses = {(row.layer, row.way.spec): row.divergence for row in found.rows}
    assert sum(losses[layer] for layer in model.layers.items()) == pytest.approx(best)


def test_budgets_that_nothing_meets_get_no_model() -> None:
    space = bound()
    assert best_for_budgets(measured(space), space, [10]) == []


def test_eight_sizes_largest_first() -> None:
    space = bind_backbone("base", 1)
    sizes = Preparing(RunSettings("base", "digits"), space).budgets()
    steps = [space.params(space.plain()), *sizes, space.params(space.smallest())]
    shares = [after / before for before, after in itertools.pairwise(steps)]
    assert len(sizes) == 8 and max(shares) < 1
    assert shares == pytest.approx([shares[0]] * 9, rel=1e-3), "each is the same share of the one before"


def test_sizes_between_powers_of_ten_are_powers_of_ten() -> None:
    assert log_spaced(1, 10_000, 3) == [1000, 100, 10]


def test_no_size_is_above_the_limit() -> None:
    sizes = Preparing(RunSettings("base", "digits", max_params=50_000), bind_backbone("base", 1)).budgets()
    assert max(sizes) < 50_000 and len(set(sizes)) == 8
