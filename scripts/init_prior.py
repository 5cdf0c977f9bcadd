"""Whether knowing what layers lose alone helps to predict trials: a table of ``bench_init.py --search``."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lcsearch import runs
from lcsearch.preparing import GUIDED
from lcsearch.reading import read_run
from lcsearch.records import TrialRecord
from lcsearch.samplers._layout import FEATURES, Layout
from lcsearch.samplers._surrogate import Inputs, Surrogate
from lcsearch.space import BoundSpace
from lcsearch.transfer.propose import layer_losses
from lcsearch.transfer.start import Start

NOISE = 0.35
"""Standard deviation of an accuracy that the sampler takes for granted, in points."""
FLOOR = 12.0
"""Points below the best at which an accuracy counts as lost, as in the sampler."""


class Errors(NamedTuple):
    """What predictions were off by: absolute errors in points, and negative log-likelihoods in nats."""

    absolute: list[float]
    surprise: list[float]


def prior_table(paths: list[Path]) -> str:
    """Predict each trial of finished searches from those before it, with and without known losses.

    The first trials, the backbone and the first guided ones, are only learnt from. Trials that were not cut
    out of a trained model are left out.
    """
    rows = [
        "| losses of single layers | predicted trials | mean absolute error | mean negative log-likelihood |",
        "|---|---:|---:|---:|",
    ]
    for known in (False, True):
        found = [_errors(path, known) for path in paths]
        absolute = [one for errors in found for one in errors.absolute]
        surprise = [one for errors in found for one in errors.surprise]
        name = "known" if known else "not known"
        rows.append(f"| {name} | {len(absolute)} | {np.mean(absolute):.3f} | {np.mean(surprise):.3f} |")
    return "\n".join(rows)


def _errors(path: Path, known: bool) -> Errors:
    run = read_run(path)
    space = _space(path, known)
    layout = Layout(space)
    trials = [t for t in run.complete if t.origin == "baseline" or t.spec.recipe.init == "backbone"]
    inputs = _inputs(layout, trials)
    accuracy = np.array([trial.accuracy for trial in trials], dtype=float)
    errors = Errors([], [])
    for place in range(1 + GUIDED, len(trials)):
        before, best = np.arange(place), accuracy[:place].max()
        surrogate = Surrogate(
            inputs[before],
            np.maximum(accuracy[before], best - FLOOR),
            np.full(place, NOISE),
            np.zeros(place, dtype=bool),
            block=FEATURES,
            blocks=layout.convolutions,
        )
        mean, spread = surrogate.guess(inputs[np.array([place])])
        error = float(mean[0]) - max(accuracy[place], best - FLOOR)
        variance = float(spread[0]) ** 2 + NOISE**2
        errors.absolute.append(abs(error))
        errors.surprise.append(0.5 * (error**2 / variance + math.log(2 * math.pi * variance)))
    return errors


def _space(path: Path, known: bool) -> BoundSpace:
    space = runs.reopen(path).space
    if not known:
        return space
    found = Start(path / "start").read_sensitivity()
    return replace(space, losses=layer_losses(found, space.shapes(space.plain().width)))


def _inputs(layout: Layout, trials: list[TrialRecord]) -> Inputs:
    genomes = []
    for trial in trials:
        encoded = layout.space.encode(trial.spec.model, trial.spec.regularizer, trial.spec.recipe.to_plain())
        assert encoded is not None
        genomes.append(layout.drawn(encoded[0], lambda *_: 0.5))
    return Inputs(
        np.array([layout.features(genome) for genome in genomes]),
        np.log([layout.params(genome) for genome in genomes]),
        np.array([layout.loss(genome) for genome in genomes]),
    )
