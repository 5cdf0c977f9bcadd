"""What the recombining sampler weighs, and what it makes of the scores; layers as in ``test_moves``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.trial import TrialState, create_trial
from torch import nn

from lcsearch.core.pareto import Box
from lcsearch.core.spec import ModelSpec
from lcsearch.search.samplers import _fit, recombine
from lcsearch.search.samplers._guesses import Guesses
from lcsearch.search.space import BoundSpace, bind, parse_space

RULE = {"kind": ["conv", "linear"], "alpha": {"low": 0.001, "high": 1.0, "log": True}}


def space(**more: Any) -> BoundSpace:
    with torch.device("meta"):
        net = nn.ModuleList(nn.Conv2d(size, 1024, 1, bias=False) for size in (2048, 8192, 32_768))
    plain = {"version": 1, "backbone": "*", "layers": {"*": RULE}} | more
    return bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 4))


SPACE = space()
LOW, HIGH = (float(SPACE.params(model)) for model in (SPACE.smallest(), SPACE.largest()))


def new_study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(directions=["maximize", "minimize"])


def add(
    study: optuna.Study,
    alphas: tuple[float, ...],
    accuracy: float | None,
    predicted: bool = False,
    over: dict[str, float] | None = None,
    error: float | None = None,
) -> int:
    """Add a trial whose layers keep these shares; without an accuracy it runs. Its parameters."""
    values = {f"{n}/kind": "linear" for n in range(3)} | {
        f"{n}/alpha": alpha for n, alpha in enumerate(alphas)
    }
    known = {one.name: one for one in SPACE.parameters}
    distributions = {}
    for name in values:
        if name.endswith("kind"):
            distributions[name] = optuna.distributions.CategoricalDistribution(("conv", "linear"))
        else:
            distributions[name] = optuna.distributions.FloatDistribution(0.001, 1.0, log=True)
        assert name in known
    params = SPACE.params(SPACE.decode(values).model)
    told = {
        "params": values,
        "distributions": distributions,
        "user_attrs": ({"predicted": True} if predicted else {})
        | ({} if error is None else {"predicted_error": error}),
    }
    if accuracy is None:
        study.add_trial(create_trial(state=TrialState.RUNNING, **told))
    else:
        study.add_trial(create_trial(values=[accuracy, params], constraints=over or {}, **told))
    return params


SHARES = [(0.1, 0.1, 0.1), (0.2, 0.1, 0.05), (0.5, 0.3, 0.1), (0.9, 0.1, 0.01), (0.3, 0.3, 0.3)]


def ask(study: optuna.Study, seed: int = 0, bound: BoundSpace = SPACE) -> ModelSpec:
    study.sampler = recombine.make(seed, bound)
    trial = study.ask()
    model = bound.suggest(trial).model
    study.tell(trial, state=TrialState.FAIL)
    return model


class Weighed:
    """Stands in for the expected improvement: scores by params, and keeps what it was given."""

    def __init__(self, score: Callable[[np.ndarray], np.ndarray]) -> None:
        self.score = score
        self.asked: list[tuple[np.ndarray, ...]] = []
        self.boxes: list[Box] = []

    def __call__(self, mean: Any, spread: Any, size: Any, accuracy: Any, there: Any, box: Box) -> np.ndarray:
        self.asked.append((mean, spread, size, accuracy, there))
        self.boxes.append(box)
        return self.score(size)


@pytest.mark.parametrize("goal", [3e5, 1e6, 5e6, 2e7])
def test_the_child_with_the_best_score_is_proposed(monkeypatch: pytest.MonkeyPatch, goal: float) -> None:
    weighed = Weighed(lambda size: -np.abs(np.log(size / goal)))
    monkeypatch.setattr(recombine, "expected_improvement", weighed)
    study = new_study()
    for n, alphas in enumerate(SHARES):
        add(study, alphas, 80.0 + n)
    model = ask(study)
    sizes = np.concatenate([one[2] for one in weighed.asked])
    best = sizes[np.argmin(np.abs(np.log(sizes / goal)))]
    assert SPACE.params(model) == best
    assert abs(math.log(best / goal)) < 0.3
    first, *refined = (len(one[2]) for one in weighed.asked)
    assert 38 < first <= 48
    assert len(refined) == 3 and all(12 < count <= 32 for count in refined)
    assert len(set(sizes)) > 0.95 * len(sizes), "none is weighed twice"


def test_the_best_are_refined_by_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight of the children are nudged four times each: what they become is mostly as large.

    In a later round the eight are those of all so far, so the worst of them is no worse.
    """
    weighed = Weighed(lambda size: -np.abs(np.log(size / 1e6)))
    monkeypatch.setattr(recombine, "expected_improvement", weighed)
    study = new_study()
    for n, alphas in enumerate(SHARES):
        add(study, alphas, 80.0 + n)
    ask(study)
    first, *rounds = (np.abs(np.log(one[2] / 1e6)) for one in weighed.asked)
    assert all(np.median(refined) < np.median(first) / 2 for refined in rounds)
    nearest = [np.quantile(refined, 0.2) for refined in rounds]
    assert nearest[2] < nearest[0] / 2


def test_what_children_are_weighed_against(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitted accuracies and sizes of trained trials, in a box from 5.5 points below the best to 1 above."""
    weighed = Weighed(lambda size: -size)
    monkeypatch.setattr(recombine, "expected_improvement", weighed)
    fits = []

    class Kept(Guesses):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            fits.append((given, more, self))

    monkeypatch.setattr(_fit, "Guesses", Kept)
    study = new_study()
    accuracies = [80.0, 60.0, 84.0, 75.0, 70.0]
    errors = {1: None, 2: 0.1, 3: 0.6}
    params = [
        add(study, alphas, accuracy, predicted=n in errors, error=errors.get(n))
        for n, (alphas, accuracy) in enumerate(zip(SHARES, accuracies, strict=True))
    ]
    running = add(study, (0.4, 0.4, 0.4), None)
    ask(study)
    (((inputs, accuracy, noise, predicted), more, fit),) = fits
    assert more == {"block": 4, "blocks": 3, "singles": 0, "slopes": None}
    assert accuracy.tolist() == [80.0, 72.0, 84.0, 75.0, 72.0], "none more than 12 points below the best"
    assert predicted.tolist() == [False, True, True, True, False]
    assert noise.tolist() == [0.35, 1.0, 0.3, 0.6, 0.35], (
        "a prediction is as noisy as it is off, at least 0.3"
    )
    assert np.exp(inputs.log_params) == pytest.approx(params)
    assert inputs.features.shape == (5, 12)
    mean, spread, size, own, there = weighed.asked[0]
    assert own[:5] == pytest.approx(fit.fitted) and len(own) == 6
    assert there == pytest.approx([*params, running]), "running ones count as they are guessed"
    best = own.max()
    assert weighed.boxes[0] == Box(best - 5.5, best + 1.0, LOW, HIGH)
    assert mean.shape == spread.shape == size.shape and spread.min() > 0
    ahead = own[:5]
    assert ahead.max() > 80 and own[5] == pytest.approx(np.mean(ahead), abs=10)


def test_children_come_from_the_front_twice_as_often_as_from_the_next_rank(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    child = recombine.Moves.child

    def kept(self: Any, parents: list[Any], budget: tuple[float, float]) -> Any:
        asked.append(([genome.picks for genome in parents], budget))
        return child(self, parents, budget)

    monkeypatch.setattr(recombine.Moves, "child", kept)
    study = new_study()
    shares = [(0.02, 0.02, 0.02), (0.1, 0.1, 0.1), (0.5, 0.5, 0.5), (0.12, 0.12, 0.12), (0.14, 0.14, 0.14)]
    for alphas, accuracy in zip(shares, [60.0, 85.0, 95.0, 84.0, 60.0], strict=True):
        add(study, alphas, accuracy)
    ask(study)
    assert len(asked) == 48 - 5 - 3, "5 children have a known good shape, 3 are fresh"
    parents, budget = asked[0]
    counts = sorted((pick[0].own[0], parents.count(pick)) for pick in set(parents))
    assert [count for _, count in counts] == [2, 2, 1, 2] or [count for _, count in counts] == [2, 2, 2]
    assert budget == (LOW, HIGH)


def test_nothing_above_a_limit_is_proposed() -> None:
    study = new_study()
    limit = 1_000_000
    assert min([add(study, alphas, 80.0 + n) for n, alphas in enumerate(SHARES)]) > limit
    study.add_trial(
        create_trial(
            values=[80.0, HIGH],
            params={f"{n}/kind": "conv" for n in range(3)},
            distributions={
                f"{n}/kind": optuna.distributions.CategoricalDistribution(("conv", "linear"))
                for n in range(3)
            },
            constraints={"max_params": HIGH / limit - 1},
        )
    )
    assert all(SPACE.params(ask(study, seed)) <= limit for seed in range(8))


def test_nothing_above_a_limit_is_proposed_first() -> None:
    study = new_study()
    limit, large = 10_000_000, (0.9, 0.9, 0.9)
    over = add(new_study(), large, 80.0) / limit - 1
    add(study, large, 80.0, over={"max_params": over})
    assert all(SPACE.params(ask(study, seed)) <= limit for seed in range(20))


def test_a_limit_below_every_model_leaves_the_smallest_budget() -> None:
    study = new_study()
    for n, alphas in enumerate(SHARES):
        add(study, alphas, 80.0 + n, over={"max_params": 1e6})
    assert ask(study).backbone == "net", "something at random, as nothing keeps it"


@pytest.mark.parametrize("trained", [0, 3, 4])
def test_the_first_have_shapes_that_are_known_to_be_good(
    monkeypatch: pytest.MonkeyPatch, trained: int
) -> None:
    """Before four trials are trained: the larger a layer is, the less of it is kept."""
    weighed = Weighed(lambda size: size)
    monkeypatch.setattr(recombine, "expected_improvement", weighed)
    kept = []
    for seed in range(10):
        study = new_study()
        for n, alphas in enumerate(SHARES[:trained]):
            add(study, alphas, 80.0 + n)
        add(study, (0.2, 0.2, 0.2), None)
        layers = ask(study, seed).layers
        kept.append([layers[str(n)].alpha if str(n) in layers else 1.0 for n in range(3)])
    assert bool(weighed.asked) is (trained == 4)
    logs = np.log(kept).mean(axis=0)
    if trained < 4:
        assert logs[0] > logs[1] > logs[2]


def test_no_model_is_proposed_twice_even_where_few_are_left() -> None:
    """One layer of 4 filters: plain, or one or two of them."""
    net = nn.ModuleList([nn.Conv2d(64, 4, 1, bias=False)])
    rule = {"kind": ["conv", "linear"], "alpha": {"low": 0.25, "high": 1.0}}
    plain = {"version": 1, "backbone": "*", "layers": {"*": rule}}
    small = bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 64))
    study, models = new_study(), []
    for seed in range(7):
        study.sampler = recombine.make(seed, small)
        trial = study.ask()
        models.append(small.suggest(trial).model)
        study.tell(trial, [80.0 + seed, small.params(models[-1])])
    assert len({str(model) for model in models[:5]}) == 4, "what four random draws left out comes next"


@pytest.mark.parametrize("seed", range(2))
def test_a_promising_model_is_not_changed_into_one_that_was_tried(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Three layers of 8 filters: near the best ones lies the tried one that is sought."""
    with torch.device("meta"):
        net = nn.ModuleList(nn.Conv2d(64 * 2**n, 8, 3, bias=False) for n in range(3))
    plain = {"version": 1, "backbone": "*", "layers": {"*": RULE}}
    small = bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 64))
    study, tried, rng = new_study(), list[ModelSpec](), np.random.default_rng(seed)
    while len(tried) < 12:
        study.sampler = optuna.samplers.RandomSampler(seed=int(rng.integers(1000)))
        trial = study.ask()
        tried.append(small.suggest(trial).model)
        study.tell(trial, [80.0 + len(tried), small.params(tried[-1])])
    for sought in tried:
        goal = small.params(sought)
        weighed = Weighed(lambda size, goal=goal: -np.abs(np.log(size / goal)))
        monkeypatch.setattr(recombine, "expected_improvement", weighed)
        assert ask(study, seed, small) not in tried


def test_a_parameter_that_the_space_does_not_know_is_drawn_at_random() -> None:
    study = new_study()
    found = []
    for seed in (3, 3, 4):
        study.sampler = recombine.make(seed, SPACE)
        trial = study.ask()
        found.append(trial.suggest_float("other", 5.0, 6.0))
        study.tell(trial, state=TrialState.FAIL)
    assert all(5.0 <= value <= 6.0 for value in found)
    assert found[0] == found[1] != found[2]
