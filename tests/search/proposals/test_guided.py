"""The knapsack against brute force, and its models against the space."""

from __future__ import annotations

import itertools
import random

import pytest
import torch

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.core.spec import LayerSpec, ModelSpec, Regularizer
from lcsearch.layers import arithmetic
from lcsearch.nets import surgery
from lcsearch.search.proposals import guided as propose
from lcsearch.search.proposals.guided import best_for_budgets, knapsack
from lcsearch.search.space import BoundSpace, parse_space


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
        "width": 0.5,
        "train": {"lr": {"low": 0.01, "high": 0.1}, "batch_size": 64},
        "regularizer": {"weight": 0.01},
    }
    with torch.device("meta"):
        return parse_space(text, "space").bind(surgery.build_model(template), template)


def measured(space: BoundSpace) -> Sensitivity:
    rows = []
    draw = random.Random(0)
    for name, shape in space.shapes(0.5).items():
        for alpha, ratio in itertools.product((0.5, 0.25, 0.125, 0.03125), (None, 0.5, 0.25)):
            p, s = arithmetic.split(shape.out_channels, alpha)
            rank = None if ratio is None else arithmetic.resolve_rank(p, s, None, ratio)
            spec = arithmetic.canonical(shape, LayerSpec("linear", alpha, rank))
            if spec is not None and (rank is None or rank <= arithmetic.max_useful_rank(p, s)):
                size = arithmetic.params(shape, spec)
                rows.append(Row(name, spec.alpha, spec.rank, ratio, size, 0.0, 0.0, draw.random() / alpha))
    return Sensitivity(0.0, 100.0, 1, tuple(rows))


@pytest.mark.parametrize("granularity", ["layer", "stage", "network"])
@pytest.mark.parametrize("kinds", ["conv, linear", "linear"])
def test_models_are_in_the_space_and_within_their_budgets(granularity: str, kinds: str) -> None:
    space = bound(granularity, kinds)
    plain = space.params(space.template)
    budgets = [plain // 2, plain // 3, plain // 4]
    models = best_for_budgets(measured(space), space, budgets)
    assert models
    for model in models:
        assert space.canonical(model) == model
        assert space.encode(model, Regularizer(0.01), {"lr": 0.05, "batch_size": 64}) is not None
        assert all(layer.alpha >= 0.05 for layer in model.layers.values())
    if granularity == "layer":
        assert len(models) == 3
        assert all(space.params(m) <= budget for m, budget in zip(models, budgets, strict=True))


def test_the_model_is_the_best_of_all_that_were_measured() -> None:
    space, budget = bound(), 30_000
    found = measured(space)
    names = space.searched_layers
    rows = [[None, *(row for row in found.rows if row.layer == name and row.alpha >= 0.05)] for name in names]
    best = (float("inf"), None)
    for way in itertools.product(*rows):
        layers = {row.layer: LayerSpec("linear", row.alpha, row.rank) for row in way if row is not None}
        model = space.canonical(ModelSpec("base", 10, 1, 0.5, layers))
        assert model is not None
        if space.params(model) <= budget:
            best = min(best, (sum(row.divergence for row in way if row is not None), way), key=lambda x: x[0])
    (model,) = best_for_budgets(found, space, [budget])
    losses = {(row.layer, row.alpha, row.rank): row.divergence for row in found.rows}
    assert sum(losses[n, spec.alpha, spec.rank] for n, spec in model.layers.items()) == pytest.approx(best[0])


def test_budgets_that_nothing_meets_get_no_model() -> None:
    space = bound()
    assert best_for_budgets(measured(space), space, [10]) == []
