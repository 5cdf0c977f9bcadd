"""The search: asks for specs, refuses what cannot matter, hears of epochs, decides, records.

It is the director that engines talk to. It trains nothing and knows no engine; `Store` keeps what it
learns, so that a search built anew from a store goes on where the last one was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lcsearch.core.job import Job, Metrics, Suspended, Verdict
from lcsearch.core.records import EpochRecord, TrialRecord
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.count import Count
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.store import Store
from lcsearch.search.history import History, as_twin
from lcsearch.search.jobs import Jobs
from lcsearch.search.metrics import extras, problem_of
from lcsearch.search.observer import Observer
from lcsearch.search.proposals.queue import Candidate, Proposer
from lcsearch.search.rungs import Rungs
from lcsearch.search.sampler_view import Limits

Size = Callable[[ModelSpec], Count]
"""Counts a model without training it."""

PATIENCE = 200
"""Proposals in a row without a new model after which the space counts as searched through."""


@dataclass(slots=True)
class _Live:
    """A trial that is handed out, or waits to be."""

    job: Job
    started_at: float
    stopped: bool = False
    doomed: str | None = None


class Search:
    """One search over one store.

    Args:
        store: Where results go.
        directory: Where each trial's folder lies.
        settings: Every setting of the run.
        proposer: What to try next.
        size: Counts a model without training it.
        rungs: Decides which trials stop.
        history: What the store holds already; a trial that runs in it is run again.
        observer: Hears what happens, for the display.
    """

    def __init__(
        self,
        store: Store,
        directory: RunDirectory,
        settings: RunSettings,
        proposer: Proposer,
        size: Size,
        rungs: Rungs,
        history: History,
        observer: Observer | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._settings = settings
        self._proposer = proposer
        self._size = size
        self._rungs = rungs
        self.observer = observer or Observer()
        self._limits = Limits(settings.max_params, settings.max_macs)
        self._jobs = Jobs(directory, settings.seed)
        self._live: dict[int, _Live] = {}
        self._queue: list[Job] = []
        self._twins: dict[int, list[int]] = {}
        self._fruitless = history.fruitless
        self._begun = time.monotonic()
        self._interrupted = False
        self.history = history
        for record in history.running():
            self._take_up(record)

    @property
    def finished(self) -> bool:
        """True once nothing is live and nothing more will be handed out."""
        return not self._live and (self._interrupted or (not self._queue and self._why_over() is not None))

    @property
    def ending(self) -> str:
        """Why nothing more is handed out, in a few words."""
        return "interrupted" if self._interrupted else self._why_over() or "running"

    @property
    def dead_end(self) -> str | None:
        """Why the search cannot go on before its end, in one line; None where it can."""
        return self._proposer.dead_end(self.history)

    @property
    def interrupted(self) -> bool:
        """Whether the search was told to leave before its end."""
        return self._interrupted

    def interrupt(self) -> None:
        """Let every trial finish its epoch, keep its checkpoint, and hand out nothing more."""
        self._interrupted = True

    def next_job(self) -> Job | None:
        """The next trial to run; specs that need no training are recorded on the way."""
        if self._interrupted:
            return None
        if self._queue:
            return self._hand_out(self._queue.pop(0))
        while self._why_over() is None and self._ready():
            job = self._try(self._proposer.next(self.history.next_number))
            if job is not None:
                return self._hand_out(job)
        return None

    def on_started(self, number: int, worker: str) -> None:
        """A worker has begun a trial."""
        self._store.set(number, "worker", worker)
        self.history.update(replace(self.history[number], worker=worker))
        self.observer.started(self.history[number])

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        """Record an epoch and answer whether to go on; one recorded before gets its old answer."""
        record = self.history[number]
        live = self._live[number]
        if all(done.epoch != epoch for done in record.epochs):
            problem = problem_of(metrics)
            if problem is not None:
                live.doomed = f"epoch {epoch}: {problem}"
                return Verdict.STOP
            record = self._decide(self._record_epoch(record, epoch, metrics))
        elif epoch == record.epochs[-1].epoch and all(done.rung != epoch for done in record.decisions):
            record = self._decide(record)
        if any(not decision.go_on for decision in record.decisions if decision.rung == epoch):
            live.stopped = True
            return Verdict.STOP
        last = epoch >= record.spec.recipe.epochs
        return Verdict.SUSPEND if self._interrupted and not last else Verdict.GO_ON

    def on_complete(self, number: int, metrics: Metrics) -> None:
        """Record the end of a trial: complete, stopped, or failed for what it returned."""
        live = self._live[number]
        record = replace(self.history[number], finished_at=time.time(), metrics=extras(metrics))
        problem = live.doomed or (None if live.stopped else problem_of(metrics))
        if problem is not None:
            self._end(replace(record, state="failed", reason=problem))
        elif live.stopped:
            reason = f"stopped after epoch {record.epochs[-1].epoch}: {record.decisions[-1].rule}"
            predicted = self._rungs.predict(record, self.history)
            self._end(replace(record, state="pruned", reason=reason, predicted=predicted))
        else:
            self._end(replace(record, state="complete", accuracy=float(metrics["accuracy"])))

    def on_suspended(self, number: int) -> None:
        """A trial has left with its checkpoint kept; it stays recorded as running until a resume."""
        del self._live[number]

    def on_failed(self, number: int, reason: str) -> None:
        """Record that the objective raised."""
        record = self.history[number]
        self._end(replace(record, state="failed", reason=reason, finished_at=time.time()))

    def on_lost(self, number: int, reason: str) -> None:
        """Hand a trial out again whose worker died, or fail it once it had its chances."""
        job = self._live[number].job
        if job.attempt >= self._settings.max_failures:
            self.on_failed(number, reason)
            return
        del self._live[number]
        self.observer.lost(self.history[number], reason)
        self._queue.append(replace(job, attempt=job.attempt + 1, resume=True))

    def tick(self) -> None:
        """Let the display move."""
        self.observer.tick(self.history)

    def _ready(self) -> bool:
        """Whether there is something to propose now; Ctrl-C ends the preparations for it."""

        def progress(words: str) -> None:
            self.observer.preparing(words, self.history)
            if self._interrupted:
                raise Suspended

        try:
            return self._proposer.ready(self.history, progress)
        except Suspended:
            return False

    def _why_over(self) -> str | None:
        if self.dead_end is not None:
            return self.dead_end
        if self.history.trained >= self._settings.trials:
            return f"{self.history.trained} trials trained"
        timeout = self._settings.timeout
        if timeout is not None and time.monotonic() - self._begun >= timeout:
            return "the time is up"
        if self._fruitless >= PATIENCE:
            return f"{PATIENCE} proposals in a row brought no new model within the limits"
        return None

    def _try(self, candidate: Candidate) -> Job | None:
        """Record a candidate; a job where it must be trained."""
        count = self._size(candidate.spec.model)
        number = self.history.next_number
        record = TrialRecord(
            number, "running", candidate.origin, candidate.label, candidate.spec,
            count.params, count.macs, count.layers, started_at=time.time(),
        )  # fmt: skip
        twin = self.history.twin(candidate.spec)
        if twin is not None:
            record = as_twin(record, twin)
        elif candidate.origin != "baseline":
            record = self._within_limits(record)
        if self._settings.inherit and record.state == "running" and twin is None:
            record = replace(record, parent=self.history.parent_of(record))
        self._store.remember(self._proposer.memory(), number)
        if self._store.begin(record, candidate.proposal) != number:
            raise RuntimeError("another process writes into this study")
        self._proposer.tie(candidate, record)
        self.history.update(record)
        if twin is not None and twin.state == "running":
            self._twins.setdefault(twin.number, []).append(number)
        if record.state == "running" and twin is None:
            self._fruitless = 0
            return self._jobs.make(record, self.history, resume=False)
        self._fruitless += 1
        self.observer.untrained(record)
        return None

    def _within_limits(self, record: TrialRecord) -> TrialRecord:
        over = {k: v for k, v in self._limits.violations(record.params, record.macs).items() if v > 0}
        if not over:
            return record
        named = " and ".join("--" + name.replace("_", "-") for name in over)
        return replace(record, state="rejected", reason=f"over {named}", finished_at=time.time())

    def _hand_out(self, job: Job) -> Job:
        self._live[job.number] = _Live(job, time.time())
        return job

    def _take_up(self, record: TrialRecord) -> None:
        """Queue a trial that an earlier process left running; a duplicate waits for its original."""
        twin = None if record.duplicate_of is None else self.history[record.duplicate_of]
        if twin is not None and twin.state != "running":
            self._end(as_twin(record, twin))
        elif record.duplicate_of is not None:
            self._twins.setdefault(record.duplicate_of, []).append(record.number)
        else:
            self._queue.append(self._jobs.make(record, self.history, resume=True))

    def _record_epoch(self, record: TrialRecord, epoch: int, metrics: Metrics) -> TrialRecord:
        done = EpochRecord(
            epoch, float(metrics["accuracy"]), float(metrics.get("train_loss", math.nan)),
            float(metrics.get("seconds", math.nan)), time.time(),
        )  # fmt: skip
        self._store.add_epoch(record.number, done)
        record = replace(record, epochs=(*record.epochs, done))
        self.history.update(record)
        return record

    def _decide(self, record: TrialRecord) -> TrialRecord:
        """Decide on a trial's last epoch, if it is a rung; the epoch may stem from a killed process."""
        decision = self._rungs.decide(record, self.history)
        if decision is not None:
            self._store.add_decision(record.number, decision)
            record = replace(record, decisions=(*record.decisions, decision))
            self.history.update(record)
        self.observer.epoch(record)
        return record

    def _end(self, record: TrialRecord) -> None:
        self._live.pop(record.number, None)
        self._store.finish(record)
        kept = self.history.keepers()
        self.history.update(record)
        self._directory.close_trial(record, (kept | {record.number}) - self.history.keepers())
        self._proposer.learn(record)
        self.observer.ended(record, self.history)
        for number in self._twins.pop(record.number, []):
            self._end(as_twin(self.history[number], record))
