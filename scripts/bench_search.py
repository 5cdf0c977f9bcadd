#!/usr/bin/env python
"""Replay searches against recorded trainings: hypervolume against epochs spent, ours and others.

Every search sees the same truth (``search_truth.py``), the same space, the same hand-picked trials, and
pays one epoch per epoch, hand-picked ones included. "Ours" is the product itself: the same director,
samplers, stopping and prediction as ``lcsearch run``, with the trainings looked up. "Plain Optuna" is
what a user would write: one persistent sampler, every trial trained to its end.

Hypervolume is that of the recorded (noisy) accuracies, as ``lcsearch status`` prints it; ``--true``
scores the same fronts by the noise-free accuracies of their members instead.

    python scripts/bench_search.py                 # the table of docs/search.md, 20 seeds
    python scripts/bench_search.py --seeds 5 --only recombine/pareto optuna-tpe
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import optuna
from climbing import needed, reached
from scipy.stats import spearmanr
from search_contenders import Step, contenders, world
from search_truth import FITS, RECORDS, Array, Truth

from lcsearch.core.pareto import Box, front, hypervolume
from lcsearch.search.predict import extrapolate

CURVE_EPOCHS = (90, 150, 200, 300, 450, 600, 900)


def score(steps: list[Step], box: Box, true: bool) -> list[tuple[int, float]]:
    """(epochs spent, hypervolume) after each trial that was trained to its end."""
    points: list[tuple[float, float]] = []
    observed: list[tuple[float, float]] = []
    found = []
    for step in steps:
        if step.accuracy is not None:
            observed.append((step.accuracy, float(step.params)))
            points.append((step.true_accuracy if true else step.accuracy, float(step.params)))
            members = front(observed) if true else range(len(points))
            found.append((step.spent, hypervolume([points[i] for i in members], box)))
    return found


def one(path: str, fit: str, name: str, seed: int, budget: int) -> tuple[str, int, list[Step], float]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    begin = time.process_time()
    steps = contenders()[name](world(path, fit), seed, budget)
    return name, seed, steps, time.process_time() - begin


def interval(values: list[float]) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], method="nearest")
    return f"{middle:.0f} [{low:.0f}, {high:.0f}]" if math.isfinite(middle) else "never"


def describe(truth: Truth) -> None:
    """Print what the records say before any search: the fit, the noise, the rungs, the prediction."""
    records = truth.records
    print(f"records: {len(records.lines)} trainings of {len(records.by_spec)} specs")
    print(f"made as: {json.dumps(records.about)}")
    fit = truth.cross_validate()
    print("fit, 10-fold cross-validated: " + ", ".join(f"{k} {v:.3f}" for k, v in fit.items()))
    if len(records.noise):
        print("noise per epoch (sd, points): " + " ".join(f"{v:.2f}" for v in records.noise.std(0)))
    final = records.curves[:, -1]
    ranks = [spearmanr(records.curves[:, e], final).statistic for e in range(records.curves.shape[1])]
    print("rank correlation with the final accuracy, by epoch: " + " ".join(f"{r:.2f}" for r in ranks))
    print("error of the predicted final accuracy (leave one out): " + prediction_errors(records.curves))


def prediction_errors(curves: Array) -> str:
    """How far extrapolate is off for a curve cut at a rung, given every other curve that ended well."""
    words = []
    for cut in (1, 3):
        errors = []
        for index, curve in enumerate(curves):
            others = [c.tolist() for i, c in enumerate(curves) if i != index]
            keep = sorted(others, key=lambda c: -c[cut - 1])[: max(3, len(others) // 3)]
            errors.append(extrapolate(curve[:cut].tolist(), keep).accuracy - curve[-1])
        words.append(
            f"cut at {cut}: median |e| {np.median(np.abs(errors)):.2f}, bias {np.median(errors):+.2f}"
        )
    return "; ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", default=str(RECORDS), help="what record_benchmark.py packed")
    parser.add_argument("--formula", action="store_true", help="search a written-down stand-in instead")
    parser.add_argument(
        "--truth", choices=sorted(FITS), default="trees", help="what is fitted to the records"
    )
    parser.add_argument("--trials", type=int, default=100, help="so many fully trained ones pay for a search")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=100, help="those below 100 were used to choose")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="contenders; the one that sets the goal is always run")
    parser.add_argument("--true", action="store_true", help="score fronts by noise-free accuracy")
    parser.add_argument("--fit", action="store_true", help="only describe the records and the fit")
    arguments = parser.parse_args()
    arguments.records = "" if arguments.formula else arguments.records
    truth = world(arguments.records, arguments.truth).truth
    if isinstance(truth, Truth):
        describe(truth)
    if not arguments.fit:
        table(arguments, arguments.only or list(contenders()))


def table(arguments: argparse.Namespace, names: list[str]) -> None:
    here = world(arguments.records, arguments.truth)
    epochs, box = here.epochs, here.box
    budget = arguments.trials * epochs
    plain = ["optuna-tpe", "optuna-nsga2"]
    names = [*plain, *(name for name in names if name not in plain)]
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    tasks = [(arguments.records, arguments.truth, name, seed, budget) for name in names for seed in seeds]
    curves: dict[str, dict[int, list[tuple[int, float]]]] = {name: {} for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    trials: dict[str, list[int]] = {name: [] for name in names}
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for name, seed, steps, took in pool.map(one, *zip(*tasks, strict=True)):
            curves[name][seed] = score(steps, box, arguments.true)
            seconds[name].append(took)
            trials[name].append(len(steps))
    final = {name: np.median([reached(curve, budget) for curve in curves[name].values()]) for name in names}
    best = max(plain, key=lambda name: final[name])
    goal = float(final[best])
    print(
        f"goal: hypervolume {goal:.4f}, the median of {best} after {arguments.trials} trials, {budget} epochs"
    )
    heads = " | ".join(f"{e}" for e in CURVE_EPOCHS)
    print(f"| contender | epochs to goal [quartiles] | share | trials | ms/trial | hypervolume at {heads} |")
    print("|" + "---|" * (5 + len(CURVE_EPOCHS)))
    for name in names:
        epochs_to_goal = [needed(curve, goal) for curve in curves[name].values()]
        volumes = " | ".join(
            f"{np.median([reached(c, e) for c in curves[name].values()]):.4f}" for e in CURVE_EPOCHS
        )
        share = float(np.quantile(epochs_to_goal, 0.5, method="nearest")) / budget
        pace = 1000 * sum(seconds[name]) / sum(trials[name])
        count = np.median(trials[name])
        print(f"| {name} | {interval(epochs_to_goal)} | {share:.2f} | {count:.0f} | {pace:.0f} | {volumes} |")


if __name__ == "__main__":
    main()
