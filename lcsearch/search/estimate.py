"""How long a search will take, said honestly: guessed from what trials took so far."""

from __future__ import annotations

import math
from statistics import mean

from lcsearch.core.records import TrialRecord
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.proposals.finishing import finishing_trials

_ENOUGH = 3
"""Ended trials after which their mean replaces the baseline's time."""


def seconds_left(history: History, settings: RunSettings) -> float | None:
    """Estimate the seconds until the last trial ends; None before the baseline's first epoch.

    A trial counts as much as those that ended took on average; before there are enough of them, as much as
    the plain backbone would take for its epochs, which is more than a smaller model will. Only trials that
    started as those to come are averaged.

    Args:
        history: Every trial.
        settings: Gives trials, jobs and the timeout.
    """
    baseline = history.baseline
    if baseline is None or not _seconds(baseline):
        return None
    coming_recipe = settings.searched_recipe
    epoch = _seconds(baseline) / len(baseline.epochs)
    ended = [
        t
        for t in history
        if t.finished_at and t.origin != "baseline" and t.epochs and t.spec.recipe.init == coming_recipe.init
    ]
    typical = mean(map(_seconds, ended)) if len(ended) >= _ENOUGH else epoch * coming_recipe.epochs
    share = typical / coming_recipe.epochs
    live = [t for t in history.running() if t.duplicate_of is None]
    begun = sum(max(share * t.spec.recipe.epochs - _seconds(t), 0.0) for t in live)
    left = max(settings.trials - history.trained, 0)
    last = min(left, max(finishing_trials(settings) - history.continued, 0))
    coming = (left - last) * typical + last * share * settings.finish_epochs
    return (begun + coming) / (settings.jobs_asked or max(len(live), 1))


def _seconds(record: TrialRecord) -> float:
    return sum(epoch.seconds for epoch in record.epochs if math.isfinite(epoch.seconds))
