"""Directs a search: asks for specs, hears of epochs, decides, records.

It trains nothing and knows no engine; one made anew from what `Store` keeps goes on where the last one was.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace

from lcsearch.core.job import BEFORE, Metrics, Suspended, Verdict
from lcsearch.core.look import Glance, Work
from lcsearch.core.records import TrialRecord
from lcsearch.core.screened import Screened
from lcsearch.core.stopwatch import added_up
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.store import Store
from lcsearch.search.admit import Admission, as_duplicate
from lcsearch.search.history import History
from lcsearch.search.job_queue import JobQueue
from lcsearch.search.observer import Audience, epoch_record
from lcsearch.search.proposals.plan import Candidate
from lcsearch.search.proposals.queue import Proposer
from lcsearch.search.results import extras_of, problem_of
from lcsearch.search.rungs import Rungs
from lcsearch.search.screening import Looks

TIME_IS_UP = "the time is up"
PATIENCE = 200
"""Proposals in a row without a new model after which the space counts as searched through."""


class SearchDirector:
    """Directs one search over one store.

    Args:
        store: Where results go.
        directory: Where each trial's folder lies.
        settings: Every setting of the run.
        proposer: What to try next.
        admission: What becomes of it before anything is trained.
        rungs: Decides which trials stop.
        history: What the store holds already; a trial that runs in it is run again.
        looks: What workers do that have no trial.

    Attributes:
        audience: Hears what happens.
        history: Every trial as it stands.
    """

    def __init__(
        self,
        store: Store,
        directory: RunDirectory,
        settings: RunSettings,
        proposer: Proposer,
        admission: Admission,
        rungs: Rungs,
        history: History,
        looks: Looks,
    ) -> None:
        self._store = store
        self._directory = directory
        self._settings = settings
        self._proposer = proposer
        self._admission = admission
        self._rungs = rungs
        self._looks = looks
        self.audience = looks.audience = Audience()
        self._jobs = JobQueue(settings.max_failures)
        self._stopped: set[int] = set()
        self._broken: dict[int, str] = {}
        self._duplicates: dict[int, list[int]] = {}
        self._fruitless = history.fruitless
        self._begun = time.monotonic()
        self.history = history
        for record in history.running():
            self._take_up(record)

    @property
    def finished(self) -> bool:
        """True once nothing is live and nothing more will be handed out."""
        return self._jobs.idle and self._looks.idle and (self.interrupted or self._why_over() is not None)

    @property
    def ending(self) -> str:
        """Why nothing more is handed out, in a few words."""
        return "interrupted" if self.interrupted else self._why_over() or "running"

    @property
    def dead_end(self) -> str | None:
        """Why the search cannot go on before its end, in one line; None where it can."""
        return self._proposer.dead_end(self.history)

    @property
    def interrupted(self) -> bool:
        """Whether the search was told to leave before its end."""
        return self._jobs.interrupted

    def interrupt(self) -> None:
        """Let every trial finish its epoch, keep its checkpoint, and hand out nothing more."""
        self._jobs.interrupt()

    def next_job(self) -> Work | None:
        """The next trial, or a look at candidates; specs that need no training are recorded on the way."""
        self._directory.check()
        if self.interrupted:
            return None
        try:
            while not self._jobs.waiting and self._why_over() is None:
                if not self._proposer.ready(self.history, self._preparing):
                    break
                candidate = self._proposer.next(self.history) if self._looks.idle else None
                if candidate is None:
                    return self._looks.next()
                self._try(candidate)
        except Suspended:
            return None
        return self._jobs.take()

    def on_started(self, number: int, worker: str) -> None:
        """A worker has begun a trial, or a look."""
        if self._looks.owns(number):
            return
        self._store.set(number, "worker", worker)
        self.history.update(replace(self.history[number], worker=worker))
        self.audience.started(self.history[number])

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        """Record an epoch and answer whether to go on; one recorded before gets its old answer."""
        if self._looks.owns(number):
            leave = self.interrupted or self._why_over() is not None
            return self._looks.on_epoch(number, metrics, leave=leave)
        record = self.history[number]
        if epoch == BEFORE:
            self._record_look(record, Glance.of(metrics))
            return Verdict.SUSPEND if self.interrupted else Verdict.GO_ON
        if all(done.epoch != epoch for done in record.epochs):
            problem = problem_of(metrics)
            if problem is not None:
                self._broken[number] = f"epoch {epoch}: {problem}"
                return Verdict.STOP
            record = self._decide(self._record_epoch(record, epoch, metrics))
        elif epoch == record.epochs[-1].epoch and all(done.rung != epoch for done in record.decisions):
            record = self._decide(record)
        if any(not decision.go_on for decision in record.decisions if decision.rung == epoch):
            self._stopped.add(number)
            return Verdict.STOP
        last = epoch >= record.spec.recipe.epochs
        return Verdict.SUSPEND if self.interrupted and not last else Verdict.GO_ON

    def on_complete(self, number: int, metrics: Metrics) -> None:
        """Record the end of a trial: complete, stopped, or failed for what it returned."""
        if self._looks.owns(number):
            self._looks.end(number)
            return
        record = replace(self.history[number], finished_at=time.time(), metrics=extras_of(metrics))
        stopped = number in self._stopped
        problem = self._broken.get(number) or (None if stopped else problem_of(metrics))
        if problem is not None:
            self._end(replace(record, state="failed", reason=problem))
        elif stopped:
            reason = f"stopped after epoch {record.epochs[-1].epoch}: {record.decisions[-1].rule}"
            end = self._rungs.predict(record, self.history)
            record = replace(record, predicted=end.accuracy, predicted_error=end.error)
            self._end(replace(record, state="pruned", reason=reason))
        else:
            self._end(replace(record, state="complete", accuracy=float(metrics["accuracy"])))

    def on_suspended(self, number: int) -> None:
        """A trial has left with its checkpoint kept; it stays recorded as running until a resume."""
        (self._looks if self._looks.owns(number) else self._jobs).end(number)

    def on_failed(self, number: int, reason: str) -> None:
        """Record that the objective raised."""
        if self._looks.owns(number):
            self._looks.on_failed(number, reason)
            return
        record = self.history[number]
        self._end(replace(record, state="failed", reason=reason, finished_at=time.time()))

    def on_lost(self, number: int, reason: str) -> None:
        """Hand a trial out again whose worker died, or fail it once it had its chances."""
        if self._looks.owns(number):
            self._looks.on_lost(number, reason)
        elif self._jobs.try_again(number):
            self._stopped.discard(number)
            self._broken.pop(number, None)
            self.audience.lost(self.history[number], reason)
        else:
            self.on_failed(number, reason)

    def on_spent(self, number: int, seconds: Metrics) -> None:
        """Add to where the workers' time went that a trial had so far."""
        if self._looks.owns(number):
            self._looks.on_spent(seconds)
            return
        record = self.history[number]
        spent = added_up([record.spent, seconds])
        self._store.set(number, "spent", spent)
        self.history.update(replace(record, spent=spent))

    def tick(self) -> None:
        """Let the display move."""
        self.audience.tick(self.history)

    def _preparing(self, words: str) -> None:
        """Say what is made before the next trial; Ctrl-C ends it.

        Raises:
            Suspended: The search was interrupted.
        """
        self.audience.preparing(words, self.history)
        if self.interrupted:
            raise Suspended

    def _why_over(self) -> str | None:
        if self.dead_end is not None:
            return self.dead_end
        if self.history.trained >= self._settings.trials:
            return f"{self.history.trained} trials trained"
        timeout = self._settings.timeout
        if timeout is not None and time.monotonic() - self._begun >= timeout:
            return TIME_IS_UP
        if self._fruitless >= PATIENCE:
            return f"{PATIENCE} proposals in a row brought no new model within the limits"
        return None

    def _try(self, candidate: Candidate) -> None:
        """Record a candidate, and let it wait for a worker where it must be trained."""
        record = self._admission.admit(candidate, self.history)
        self._store.remember(self._proposer.memory(), record.number)
        if self._store.begin(record, candidate.proposal) != record.number:
            raise RuntimeError("another process writes into this study")
        self._proposer.tie(candidate, record)
        kept = self.history.keepers()
        self.history.update(record)
        spent = self._looks.close()
        self._directory.drop_weights(kept - self.history.keepers())
        if record.state == "running":
            self._let_wait(record, resume=False)
            if spent:
                self.on_spent(record.number, spent)
        untrained = record.state == "rejected" or record.duplicate_of is not None
        self._fruitless = self._fruitless + 1 if untrained else 0
        if untrained:
            self.audience.untrained(record)

    def _take_up(self, record: TrialRecord) -> None:
        """Go on with a trial that an earlier process left running."""
        original = None if record.duplicate_of is None else self.history[record.duplicate_of]
        if original is not None and original.state != "running":
            self._end(as_duplicate(record, original))
        else:
            self._let_wait(record, resume=True)

    def _let_wait(self, record: TrialRecord, *, resume: bool) -> None:
        """Let a trial wait for a worker, or a duplicate for its original."""
        if record.duplicate_of is not None:
            self._duplicates.setdefault(record.duplicate_of, []).append(record.number)
        else:
            self._jobs.add(self._admission.job(record, self.history, resume=resume))

    def _record_look(self, record: TrialRecord, glance: Glance) -> None:
        """Record what a trial's model does before any training."""
        screened = Screened(glance.accuracy, 1, glance.passed)
        self._store.set(record.number, "screened", asdict(screened))
        self.history.update(replace(record, screened=screened))

    def _record_epoch(self, record: TrialRecord, epoch: int, metrics: Metrics) -> TrialRecord:
        done = epoch_record(epoch, metrics)
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
        self.audience.epoch(record)
        return record

    def _end(self, record: TrialRecord) -> None:
        self._jobs.end(record.number)
        self._directory.check()
        self._store.finish(record)
        kept = self.history.keepers()
        self.history.update(record)
        self._directory.close_trial(record, (kept | {record.number}) - self.history.keepers())
        self._proposer.learn(record)
        self.audience.ended(record, self.history)
        for number in self._duplicates.pop(record.number, []):
            self._end(as_duplicate(self.history[number], record))
