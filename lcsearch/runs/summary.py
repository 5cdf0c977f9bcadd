"""A run in numbers: what ``lcsearch status --json`` prints."""

from __future__ import annotations

import math
from typing import Any

from lcsearch.core.pareto import box_of, hypervolume
from lcsearch.core.records import ACCURACY_BEFORE, RunRecord, TrialRecord
from lcsearch.runs.choose import front_of


def summary(run: RunRecord) -> dict[str, Any]:
    """Sum a run up in plain data.

    Returns:
        ``metric``, what every accuracy is, ``trials`` by state, ``baseline`` (None before it is complete),
        ``front`` by rising params, ``hypervolume`` in 0 to 1 (None before the baseline), ``init``,
        ``epochs_trained`` (the backbone's among them), ``epochs_screened`` (what screening cost, in epochs)
        and ``seconds`` that trials spent, summed over workers.
        What was cut out of a backbone also has ``accuracy_before``, that before fine-tuning, and ``parent``,
        the trial that it was cut out of instead, if there was one. What trains an earlier model on has both
        likewise. What stores more than it trains also has ``trainable``.
    """
    front = front_of(run.trials)
    epochs = [epoch for trial in run.trials for epoch in trial.epochs]
    return {
        "metric": run.metric,
        "trials": {state: sum(t.state == state for t in run.trials) for state in _states()},
        "baseline": None if run.baseline is None else _numbers(run.baseline),
        "front": [{"trial": t.number, **_numbers(t), "spec": t.spec.to_plain()} for t in front],
        "hypervolume": run_hypervolume(run),
        "init": run.settings["settings"].get("init", "scratch"),
        "epochs_trained": len(epochs),
        "epochs_screened": run.screening_epochs,
        "seconds": sum(epoch.seconds for epoch in epochs if math.isfinite(epoch.seconds)),
    }


def run_hypervolume(run: RunRecord) -> float | None:
    """The hypervolume of a run's front, 0 to 1; None before the baseline is complete."""
    baseline = run.baseline
    if baseline is None or baseline.accuracy is None:
        return None
    box = box_of(baseline.accuracy, baseline.params, run.smallest_params)
    return hypervolume([(t.accuracy or 0.0, t.params) for t in front_of(run.trials)], box)


def _numbers(trial: TrialRecord) -> dict[str, Any]:
    before = trial.accuracy_before
    tuned = {} if before is None else {ACCURACY_BEFORE: before}
    whence = {} if trial.parent is None else {"parent": trial.parent}
    trains = {} if trial.trainable == trial.params else {"trainable": trial.trainable}
    sizes = {"params": trial.params, **trains, "macs": trial.macs}
    return {"accuracy": trial.accuracy, **tuned, **whence, **sizes}


def _states() -> tuple[str, ...]:
    return ("complete", "pruned", "rejected", "failed", "running")
