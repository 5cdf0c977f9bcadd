"""What the recombining sampler makes of limits that it has to learn, and of objectives that it has to guess.

Three 1x1 convolutions keep shares of their 1,024 filters. The size that is no count of parameters is a power
of the share that the first keeps: unlike the parameters, of which the last has most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.trial import FixedTrial, TrialState, create_trial
from torch import nn

from lcsearch.core.pareto import Box
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.search.samplers import recombine
from lcsearch.search.space import BoundSpace, bind, parse_space

RULE = {"kind": ["linear"], "alpha": {"low": 0.001, "high": 1.0, "log": True}}


def space(plain: dict[str, Any]) -> BoundSpace:
    with torch.device("meta"):
        net = nn.ModuleList(nn.Conv2d(size, 1024, 1, bias=False) for size in (2048, 8192, 32_768))
    return bind(parse_space({"version": 1, "backbone": "*"} | plain, "f"), net, ModelSpec("net", 10, 4))


SPACE = space({"layers": {"*": RULE}})
LOW = SPACE.params(SPACE.smallest())
SHARES = [tuple(np.random.default_rng(seed).uniform(0.02, 0.6, 3).tolist()) for seed in range(14)]


def own_size(first: float) -> float:
    return 5e6 * first**0.7


def new_study(objectives: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(directions=["maximize"] + ["minimize"] * (objectives - 1))


def told(shares: Sequence[float]) -> tuple[dict[str, Any], float]:
    """Answers and their ranges of a model whose layers keep these shares, and its parameters."""
    layers = {str(n): LinearSpec(share) for n, share in enumerate(shares)}
    found = SPACE.encode(TrialSpec(ModelSpec("net", 10, 4, layers=layers)))
    assert found is not None
    params = SPACE.params(SPACE.suggest(FixedTrial(dict(found[0]))).model)
    return {"params": dict(found[0]), "distributions": dict(found[1])}, float(params)


def ask(study: optuna.Study, seed: int) -> tuple[list[float], float]:
    """The shares that a proposal's layers keep, and its parameters."""
    study.sampler = recombine.make(seed, SPACE)
    trial = study.ask()
    model = SPACE.suggest(trial).model
    study.tell(trial, state=TrialState.FAIL)
    layers = (model.layers.get(str(n)) for n in range(3))
    return [1.0 if own is None else own.alpha for own in layers], float(SPACE.params(model))


class Weighed:
    """Stands in for the expected improvement: the size next to a goal wins; keeps what that is among."""

    def __init__(self, goal: float) -> None:
        self.goal = goal
        self.there = np.empty(0)
        self.box: Box | None = None

    def __call__(self, mean: Any, spread: Any, size: Any, accuracy: Any, there: Any, box: Box) -> np.ndarray:
        self.there, self.box = there, box
        return -np.abs(np.log(size / self.goal))


@pytest.mark.parametrize("seed", range(2))
def test_sizes_of_three_objectives_are_weighed_as_the_seed_says(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Those of trained and of running trials, and of the child that is in their middle."""
    study, sizes = new_study(3), list[list[float]]()
    for n, shares in enumerate(SHARES):
        answers, params = told(shares)
        sizes.append([params, own_size(shares[0])])
        study.add_trial(create_trial(values=[80.0 + n, *sizes[-1]], **answers))
    running, params = told((0.3, 0.3, 0.3))
    study.add_trial(create_trial(state=TrialState.RUNNING, **running))
    weights = np.random.default_rng(seed).dirichlet([1.0, 1.0])
    trained = np.log(sizes) @ weights
    weighed = Weighed(float(np.exp(np.median(trained))))
    monkeypatch.setattr(recombine, "expected_improvement", weighed)
    shares, proposed = ask(study, seed)
    assert weighed.there[:-1] == pytest.approx(np.exp(trained))
    assert weighed.there[-1] == pytest.approx(np.exp(weights @ np.log([params, own_size(0.3)])), rel=0.1)
    assert weighed.box is not None
    ends = weighed.box.params_low, weighed.box.params_high
    below = min(trained) - 0.2 * (max(trained) - min(trained)) - 0.1
    assert ends == pytest.approx(np.exp([below, max(trained)]))
    assert weights @ np.log([proposed, own_size(shares[0])]) == pytest.approx(np.median(trained), abs=0.05)


@pytest.mark.parametrize("kept", [3, 8])
def test_a_limit_on_another_size_is_learnt_and_kept(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """A tenth of the first layer may stay, and the largest are sought: the first and children keep it."""
    monkeypatch.setattr(recombine, "expected_improvement", Weighed(1e9))
    study, limit = new_study(2), own_size(0.1)
    for n, shares in enumerate(SHARES):
        first = 0.1 / (n + 1.5) if n < kept else 0.1 + 0.05 * n
        answers, params = told((first, *shares[1:]))
        over = {"max_macs": own_size(first) / limit - 1}
        study.add_trial(create_trial(values=[80.0 + n, params], constraints=over, **answers))
    found = [ask(study, seed)[0] for seed in range(4)]
    assert max(first for first, *_ in found) < 0.11
    assert max(max(others) for _, *others in found) > 0.3


def test_where_every_model_is_over_a_limit_children_are_as_small_as_the_smallest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    budgets, child = list[tuple[float, float]](), recombine.Moves.child

    def asked(self: Any, parents: Any, budget: tuple[float, float]) -> Any:
        budgets.append(budget)
        return child(self, parents, budget)

    monkeypatch.setattr(recombine.Moves, "child", asked)
    study = new_study(2)
    for n, shares in enumerate(SHARES):
        answers, params = told(shares)
        over = {"max_params": params / (LOW / 2) - 1} if n == 0 else {}
        study.add_trial(create_trial(values=[80.0 + n, params], constraints=over, **answers))
    ask(study, 0)
    assert budgets and all(one == pytest.approx((LOW, 1.01 * LOW)) for one in budgets)


def test_where_only_the_recipe_is_searched_it_is_drawn_at_random() -> None:
    rate_of = {"lr": {"low": 0.01, "high": 1.0, "log": True}}
    bound = space({"layers": {"*": {"kind": ["conv"]}}, "train": rate_of})
    study, rates = new_study(2), list[float]()
    for seed in range(12):
        study.sampler = recombine.make(seed, bound)
        trial = study.ask()
        bound.suggest(trial)
        (rate,) = trial.params.values()
        rates.append(rate)
        study.tell(trial, [80.0 + seed, 10.0])
    assert len(set(rates)) == 12
    assert math.log10(min(rates)) < -1.4 and math.log10(max(rates)) > -0.6
