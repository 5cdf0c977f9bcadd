"""A director that follows a script and writes down what it hears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from lcsearch.core.job import Job, Metrics, Verdict
from lcsearch.core.look import Work
from lcsearch.core.spec import ModelSpec, TrialSpec

SPEC = TrialSpec(ModelSpec("base", 10, 1))
Rule = Callable[[int, int], Verdict | None]


def jobs(run: Path, count: int, resume: bool = False) -> list[Job]:
    return [Job(n, 0, n, SPEC, str(run / "trials" / str(n)), resume) for n in range(count)]


@dataclass
class ScriptedDirector:
    """Hands out its queue; a lost trial goes to the end of it as long as it has tries.

    Attributes:
        queue: What is to be handed out.
        rule: The verdict on an epoch of a trial; None to go on.
        tries: How often a trial is handed out at most.
        heard: Everything it is told, in order, but for metrics and workers.
    """

    queue: list[Work]
    rule: Rule = lambda number, epoch: None
    tries: int = 10
    live: dict[int, Work] = field(default_factory=dict)
    heard: list[tuple[object, ...]] = field(default_factory=list)
    trained: list[tuple[int, int]] = field(default_factory=list)
    workers: dict[int, list[str]] = field(default_factory=dict)
    metrics: dict[int, Metrics] = field(default_factory=dict)
    most_live: int = 0
    spent: list[tuple[int, Metrics]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return not self.queue and not self.live

    @property
    def ends(self) -> dict[int, str]:
        """The last that was heard of each trial."""
        return {int(str(event[1])): str(event[0]) for event in self.heard}

    def epochs(self, number: int) -> list[object]:
        """The epochs that a trial has reported."""
        return [event[2] for event in self.heard if event[:2] == ("epoch", number)]

    def reasons(self, kind: str) -> list[tuple[object, str]]:
        """Trials that were lost or have failed, and why."""
        return [(event[1], str(event[2])) for event in self.heard if event[0] == kind]

    def next_job(self) -> Work | None:
        if not self.queue:
            return None
        job = self.queue.pop(0)
        self.live[job.number] = job
        self.most_live = max(self.most_live, len(self.live))
        return job

    def on_started(self, number: int, worker: str) -> None:
        self.heard.append(("started", number))
        self.workers.setdefault(number, []).append(worker)

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        self.heard.append(("epoch", number, epoch))
        if "trained" in metrics:
            self.trained.append((number, epoch))
        return self.rule(number, epoch) or Verdict.GO_ON

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
        if isinstance(job, Job) and job.attempt + 1 < self.tries:
            self.queue.append(replace(job, attempt=job.attempt + 1, resume=True))

    def on_spent(self, number: int, seconds: Metrics) -> None:
        self.spent.append((number, seconds))

    def tick(self) -> None:
        pass
