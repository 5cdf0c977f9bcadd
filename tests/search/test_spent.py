"""What a measured search records of where its workers' time went, on a clock that ticks when it is read."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from simulated_search import Simulated, session

from lcsearch.core import stopwatch
from lcsearch.core.job import Job, Report
from lcsearch.report.plots.profile import spent
from lcsearch.runs.read import read_run

TICK = 1e-9


class Interrupting(Simulated):
    """Interrupts the search at the second epoch of the first trial, as Ctrl-C does."""

    def __init__(self) -> None:
        self.interrupt = lambda: None

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        def intercepted(epoch: int, metrics: Mapping[str, float]) -> bool:
            if epoch == 2:
                self.interrupt()
            return report(epoch, metrics)

        return super().__call__(job, intercepted)


@pytest.fixture(autouse=True)
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = count()
    made = partial(stopwatch.Stopwatch, clock=lambda: next(reads))
    monkeypatch.setattr(stopwatch, "Stopwatch", made)


def test_a_search_in_two_sessions_adds_up_and_leaves_a_table(tmp_path: Path) -> None:
    settings = {"trials": 2, "early_stopping": "none", "profile": True}
    objective = Interrupting()
    with session(tmp_path / "run", objective, **settings) as opened:
        objective.interrupt = opened.director.interrupt
        assert opened.run() is None
    with session(tmp_path / "run", **settings) as opened:
        assert opened.run() is None
        lines = opened.finish().lines
    run = read_run(tmp_path / "run")
    waits = [round(trial.spent["waiting"] / TICK) for trial in run.trials]
    assert waits == [2 + 4, 4]  # an answer to each epoch: two before the interruption, and four of each trial
    ticks = [round(sum(trial.spent.values()) / TICK) for trial in run.trials]
    # Of each epoch the wait and what comes after it; of each session what comes before the objective,
    # what comes before the first epoch or after the last, and the reading itself.
    assert ticks == [2 * (2 + 4) + 2 * 3, 2 * 4 + 3]
    shown = spent(run)
    assert shown is not None and shown.trials == (0, 1)
    assert any(line.startswith("workers' time: ") and "profile.csv" in line for line in lines)
    with (tmp_path / "run" / "profile.csv").open() as file:
        table = {row["trial"]: row for row in csv.DictReader(file)}
    assert list(table) == ["0", "1", "all"] and set(table["all"]) > {"data", "forward", "waiting", "seconds"}


def test_a_search_that_is_not_measured_records_nothing_of_it(tmp_path: Path) -> None:
    with session(tmp_path / "run", trials=1) as opened:
        assert opened.run() is None
        lines = opened.finish().lines
    run = read_run(tmp_path / "run")
    assert all(not trial.spent for trial in run.trials) and spent(run) is None
    assert not (tmp_path / "run" / "profile.csv").exists()
    assert not any("workers' time" in line for line in lines)
