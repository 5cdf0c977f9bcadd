"""The front against trainable numbers, where some models store others beside them."""

from __future__ import annotations

from dataclasses import replace

from lcsearch.core.records import RunRecord
from lcsearch.report.plot import METRIC
from lcsearch.report.plots import front


def _front(run: RunRecord) -> front.Front | None:
    differ = any(trial.trainable != trial.params for trial in run.trials)
    return front.front(run, "trainable") if differ else None


PLOT = replace(
    front.PLOT,
    title=f"{METRIC} against trainable numbers",
    data=_front,
    missing="All that the models of this run store is trainable.",
    beside="front",
    button="trainable",
)
