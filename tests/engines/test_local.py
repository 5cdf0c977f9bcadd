"""The local engine with real worker processes."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from objectives import Counting, Meeting, Mortal

from lcsearch.core.job import Job, Metrics, Objective, Verdict
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.engines.local import LocalEngine

SPEC = TrialSpec(ModelSpec("base", 10, 1))


class Script:
    """A director that hands out so many trials and writes down what it hears."""

    def __init__(self, trials: int, stop: int | None = None, suspend: int | None = None) -> None:
        self.queue = [Job(n, 0, n, SPEC, "", False) for n in range(trials)]
        self.live: dict[int, Job] = {}
        self.heard: list[tuple[object, ...]] = []
        self.metrics: dict[int, Metrics] = {}
        self.stop, self.suspend = stop, suspend

    @property
    def finished(self) -> bool:
        return not self.queue and not self.live

    def next_job(self) -> Job | None:
        if not self.queue:
            return None
        job = self.queue.pop(0)
        self.live[job.number] = job
        return job

    def on_started(self, number: int, worker: str) -> None:
        self.heard.append(("started", number))

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        self.heard.append(("epoch", number, epoch, metrics["accuracy"]))
        if number == self.suspend:
            return Verdict.SUSPEND
        return Verdict.STOP if number == self.stop else Verdict.GO_ON

    def on_complete(self, number: int, metrics: Metrics) -> None:
        self.heard.append(("complete", number))
        self.metrics[number] = metrics
        del self.live[number]

    def on_suspended(self, number: int) -> None:
        self.heard.append(("suspended", number))
        del self.live[number]

    def on_failed(self, number: int, reason: str) -> None:
        self.heard.append(("failed", number, reason))
        del self.live[number]

    def on_lost(self, number: int, reason: str) -> None:
        self.heard.append(("lost", number, reason))
        job = self.live.pop(number)
        if job.attempt < 1:
            self.queue.append(Job(number, job.attempt + 1, job.seed, SPEC, "", True))

    def tick(self) -> None:
        pass


def run(jobs: int, script: Script, objective: Objective) -> None:
    with closing(LocalEngine(jobs)) as engine:
        engine.run(script, objective)


def test_one_job_hears_everything_in_order_from_one_process() -> None:
    script = Script(2)
    run(1, script, Counting())
    assert script.heard == [
        event
        for n in (0, 1)
        for event in [
            ("started", n), ("epoch", n, 1, n + 0.1), ("epoch", n, 2, n + 0.2), ("epoch", n, 3, n + 0.3),
            ("complete", n),
        ]
    ]  # fmt: skip
    assert script.metrics[0]["process"] == script.metrics[1]["process"]


def test_a_verdict_reaches_the_objective_before_its_next_epoch() -> None:
    script = Script(2, stop=0, suspend=1)
    run(1, script, Counting())
    assert [event[:3] for event in script.heard if event[0] == "epoch"] == [("epoch", 0, 1), ("epoch", 1, 1)]
    assert ("complete", 0) in script.heard
    assert ("suspended", 1) in script.heard


def test_a_worker_that_dies_takes_one_trial_with_it_and_is_replaced() -> None:
    script = Script(5)
    run(2, script, Mortal())
    lost = [event for event in script.heard if event[0] == "lost"]
    assert sorted(event[1] for event in lost) == [1, 2, 2]
    assert all("SIGKILL" in str(event[2]) for event in lost)
    assert script.metrics[1]["attempt"] == 1
    failed = [event for event in script.heard if event[0] == "failed"]
    assert [event[1] for event in failed] == [3]
    assert str(failed[0][2]).startswith("ValueError: three is no good (")
    assert {0, 1, 4} == set(script.metrics)


def test_two_jobs_overlap(tmp_path: Path) -> None:
    script = Script(2)
    run(2, script, Meeting(tmp_path))
    assert sorted(script.metrics) == [0, 1]
