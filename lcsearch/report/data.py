"""Everything the report shows, as plain frozen records: what tests compare, and what plots draw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from lcsearch.core.errors import InputError
from lcsearch.core.records import RunRecord, State, TrialRecord
from lcsearch.report.frontdata import FrontData, front_data
from lcsearch.report.importance import Importance, importance
from lcsearch.report.layerdata import HeatMap, heat_map
from lcsearch.report.parallel import Parallel, parallel
from lcsearch.report.points import setting
from lcsearch.report.progress import (
    Bar,
    LearningCurves,
    Progress,
    busy_words,
    learning_curves,
    progress,
    timeline,
)
from lcsearch.report.start import cost_words, start_words
from lcsearch.report.verdict import Verdict, verdict
from lcsearch.report.words import trial_words


@dataclass(frozen=True, slots=True)
class ReportData:
    """What the report shows; None or empty where a run has nothing for it yet.

    Attributes:
        title: What was searched.
        facts: The run in a few words each: trials by state, epochs, time.
        verdict: What it has shown.
        by_params: The front plot against parameters.
        by_macs: The front plot against multiply-accumulates.
        heat_map: Kept share, layer by front model.
        importance: Which choices matter.
        parallel: Trials across choices.
        learning: Learning curves.
        progress: Hypervolume against effort.
        timeline: Workers.
        words: Trial number to what hovers over it.
        start: Where models started and which training counts, in sentences; nothing if from scratch.
    """

    title: str
    facts: tuple[str, ...]
    verdict: Verdict
    by_params: FrontData
    by_macs: FrontData
    heat_map: HeatMap | None
    importance: Importance | None
    parallel: Parallel | None
    learning: LearningCurves | None
    progress: Progress | None
    timeline: tuple[Bar, ...]
    words: dict[int, tuple[str, ...]]
    start: tuple[str, ...]


def collect(run: RunRecord) -> ReportData:
    """Turn what a run has recorded into what its report shows.

    Args:
        run: The run.

    Raises:
        InputError: No trial has finished an epoch, so there is nothing to show.
    """
    if not any(t.epochs or t.accuracy is not None for t in run.trials):
        raise InputError(f"{run.path}: no trial has finished an epoch yet, so there is nothing to report")
    mattering = importance(run)
    return ReportData(
        title=title(run),
        facts=_facts(run),
        verdict=verdict(run),
        by_params=front_data(run, "params"),
        by_macs=front_data(run, "macs"),
        heat_map=heat_map(run),
        importance=mattering,
        parallel=parallel(run, mattering),
        learning=learning_curves(run),
        progress=progress(run),
        timeline=timeline(run),
        words={t.number: trial_words(t) for t in run.trials},
        start=start_words(run),
    )


def title(run: RunRecord) -> str:
    """Say what a run searched, such as ``vgg11 on fashion-mnist``."""
    backbone = setting(run, "backbone") or (run.trials[0].spec.model.backbone if run.trials else "backbone")
    dataset = setting(run, "dataset")
    return f"{backbone} on {dataset}" if dataset else str(backbone)


def _facts(run: RunRecord) -> tuple[str, ...]:
    states = Counter(t.state for t in run.trials)
    order: tuple[State, ...] = ("complete", "pruned", "rejected", "failed", "running")
    counted = [f"{states[s]:,} {'stopped early' if s == 'pruned' else s}" for s in order if states[s]]
    epochs = sum(len(t.epochs) for t in run.trials)
    trained = "1 epoch" if epochs == 1 else f"{epochs:,} epochs"
    cost = cost_words(run)
    return (
        run.path.name,
        "trials: " + ", ".join(counted),
        f"{trained} trained in {busy_words(run)}",
        *([] if cost is None else [cost]),
    )


def chosen_trial(run: RunRecord, data: ReportData) -> TrialRecord | None:
    """Return the trial whose layers are shown first: the smallest within half a point, else the knee.

    Before there is a front it is the first trial that began to train.
    """
    from lcsearch.runs.choose import choose

    if not data.by_params.front:
        return next((t for t in run.trials if t.epochs), None)
    try:
        return choose(run.trials, run.baseline, max_drop=0.5).trial
    except InputError:
        return choose(run.trials, run.baseline, knee=True).trial
