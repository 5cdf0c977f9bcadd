"""Who competes in ``bench_search.py``: the product itself, Optuna as a user would write it, syne-tune."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from search_truth import Array, Formula, Records, Truth, base_space

from lcsearch.core import plugins
from lcsearch.core.job import Job
from lcsearch.core.pareto import Box
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.nets.count import Count
from lcsearch.runs.settings import DEFAULT_SAMPLER, RunSettings
from lcsearch.search.planner import Planner
from lcsearch.search.proposals.handpicked import hand_picked
from lcsearch.search.proposals.plan import Candidate
from lcsearch.search.samplers._draw import Draw
from lcsearch.search.space import BoundSpace


@dataclass(frozen=True)
class Step:
    """A trial that has ended: epochs spent so far, and what it reached if it was trained to its end."""

    spent: int
    params: int
    accuracy: float | None
    true_accuracy: float


@dataclass(frozen=True)
class World:
    """What can be searched: the truth, the space, and the box of the hypervolume."""

    truth: Truth | Formula
    space: BoundSpace
    box: Box

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""
        return int(self.truth.about["epochs"])

    @property
    def images(self) -> int:
        """Validation images."""
        return int(self.truth.about["validation_images"])

    @property
    def picked(self) -> list[Candidate]:
        """What a search from scratch trains first: nothing is cut out of a backbone here."""
        return hand_picked(self.space, cut_out=False)

    def train(self, model: ModelSpec, weight: float, rng: np.random.Generator) -> tuple[Array, Array]:
        """A noisy curve and the noise-free one."""
        true = self.truth.curve(model, weight)
        noise = self.truth.noise
        drawn = true + (noise[rng.integers(len(noise))] if len(noise) else 0.0)
        return np.round(drawn * self.images / 100) * 100 / self.images, true

    def drawn(self, seed: int) -> TrialSpec:
        """A random point of the space."""
        rng = np.random.default_rng(seed)
        return self.space.suggest(Draw({}, lambda *_: float(rng.random())))


@cache
def world(path: str, fit: str = "trees") -> World:
    """The world of a file of records and a way to fit them; of the formula if there is no path."""
    truth = Truth(Records.read(Path(path)), fit) if path else Formula()
    space = base_space(truth.about)
    baseline = truth.curve(replace(space.template, layers={}), 0.0)[-1]
    size = space.params(replace(space.template, layers={}))
    box = Box(baseline - 5.0, baseline + 1.0, float(space.params(space.smallest())), float(size))
    return World(truth, space, box)


class _Anything:
    """Stands where the run's files and database would be, and keeps nothing."""

    def __init__(self) -> None:
        self._count = 0

    def begin(self, record: Any, proposal: Any) -> int:
        self._count += 1
        return self._count - 1

    def read(self) -> Iterator[Any]:
        return iter(())

    def memory(self) -> dict[str, Any]:
        return {}

    def trial(self, number: int) -> Path:
        return Path(str(number))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


def ours(world: World, seed: int, budget: int, sampler: str, stopping: str, factor: int = 3) -> list[Step]:
    """The product's own search, with trainings looked up."""
    settings = RunSettings(
        "base", "fashion-mnist", trials=10**6, sampler=sampler, early_stopping=cast(Any, stopping),
        rung_factor=factor, recipe=Recipe(epochs=world.epochs), seed=seed,
    )  # fmt: skip

    def size(model: ModelSpec) -> Count:
        return Count(world.space.params(model), 0, ())

    nothing = cast(Any, _Anything())
    search = Planner(world.space, settings, world.images, (), size).director(nothing, nothing)
    rng, steps, spent = np.random.default_rng((seed, 1)), list[Step](), 0
    while spent < budget and isinstance(job := search.next_job(), Job):
        curve, true = world.train(job.spec.model, job.spec.regularizer.weight, rng)
        search.on_started(job.number, "replay")
        for epoch, accuracy in enumerate(curve.tolist(), start=1):
            spent += 1
            if search.on_epoch(job.number, epoch, {"accuracy": accuracy}).name == "STOP":
                break
        search.on_complete(job.number, {"accuracy": accuracy})
        record = search.history[job.number]
        steps.append(Step(spent, record.params, record.accuracy, float(true[-1])))
    return steps


def plain_optuna(world: World, seed: int, budget: int, sampler: optuna.samplers.BaseSampler) -> list[Step]:
    """What a user would write: a persistent sampler, two objectives, every trial to its end."""
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    rng, steps = np.random.default_rng((seed, 1)), list[Step]()

    def train(model: ModelSpec, weight: float) -> tuple[float, int]:
        curve, true = world.train(model, weight, rng)
        spent = (len(steps) + 1) * world.epochs
        steps.append(Step(spent, world.space.params(model), float(curve[-1]), float(true[-1])))
        return float(curve[-1]), steps[-1].params

    def objective(trial: optuna.Trial) -> tuple[float, int]:
        found = world.space.suggest(trial)
        return train(found.model, found.regularizer.weight)

    for picked in world.picked:
        encoded = world.space.encode(picked.spec)
        if encoded is None:
            train(picked.spec.model, 0.0)
        else:
            study.enqueue_trial(encoded[0])
            study.optimize(objective, n_trials=1)
    while steps[-1].spent < budget:
        study.optimize(objective, n_trials=1)
    return steps


def moasha(world: World, seed: int, budget: int) -> list[Step]:
    """syne-tune's MO-ASHA: its rungs 1 and 3, its non-dominated sorting, its random search.

    Its search space is a seed that draws a point of ours, because it knows no conditional parameters.
    """
    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import randint
    from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

    scheduler = MOASHA(
        {"draw": randint(0, 2**31 - 1)}, ["error", "params"], time_attr="epoch", max_t=world.epochs,
        grace_period=1, reduction_factor=3, random_seed=seed,
    )  # fmt: skip
    np.random.seed(seed)  # it draws from NumPy's global generator
    rng, steps, spent = np.random.default_rng((seed, 1)), list[Step](), 0
    picked = [one.spec for one in world.picked]
    while spent < budget:
        config = {"draw": 0} if picked else scheduler.suggest().config
        spec = picked[0] if picked else world.drawn(config["draw"])
        trial = Trial(len(steps), config, datetime.now())
        scheduler.on_trial_add(trial)
        curve, true = world.train(spec.model, spec.regularizer.weight, rng)
        params = world.space.params(spec.model)
        for epoch, accuracy in enumerate(curve.tolist(), start=1):
            spent += 1
            result = {"epoch": epoch, "error": 100 - accuracy, "params": params}
            if scheduler.on_trial_result(trial, result) == "STOP" and not picked:
                break
        done = epoch == world.epochs
        steps.append(Step(spent, params, accuracy if done else None, float(true[-1])))
        picked = picked[1:]
    return steps


def contenders() -> dict[str, Callable[[World, int, int], list[Step]]]:
    def product(sampler: str, stopping: str) -> Callable[[World, int, int], list[Step]]:
        return lambda world, seed, budget: ours(world, seed, budget, sampler, stopping)

    def user(make: Callable[[int], optuna.samplers.BaseSampler]) -> Callable[[World, int, int], list[Step]]:
        return lambda world, seed, budget: plain_optuna(world, seed, budget, make(seed))

    names = [name for name in plugins.names(plugins.SAMPLER) if name != "gp"]
    found = {f"{s}/{rule}": product(s, rule) for s in names for rule in ("pareto", "none")}
    found |= {f"{DEFAULT_SAMPLER}/{rule}": product(DEFAULT_SAMPLER, rule) for rule in ("median", "expected")}
    found["optuna-tpe"] = user(lambda seed: optuna.samplers.TPESampler(seed=seed))
    found["optuna-nsga2"] = user(lambda seed: optuna.samplers.NSGAIISampler(seed=seed))
    found["optuna-random"] = user(lambda seed: optuna.samplers.RandomSampler(seed=seed))
    if importlib.util.find_spec("syne_tune") is not None:
        found["syne-tune-moasha"] = moasha
    return found
