"""Runs trials in worker processes on this machine; a worker that dies takes one trial with it, no more."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from lcsearch.core.errors import HaltError
from lcsearch.core.job import Job, Metrics, Objective, Verdict
from lcsearch.core.stopwatch import worker_began
from lcsearch.engines import Director, Ending, Engine, EngineSettings, run_job, tell

_TICK_SECONDS = 0.5
_START = mp.get_context("spawn")
_RAISED = 1
"""Exit code of a Python process that an exception ended."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    ready: bool = False


@dataclass(frozen=True, slots=True)
class _Ready:
    """Says that a worker has started."""


@dataclass(frozen=True, slots=True)
class _Epoch:
    """Says that a worker's job has finished an epoch."""

    number: int
    metrics: Metrics


class LocalEngine:
    """Worker processes of this machine, each with its own interpreter, kept from trial to trial.

    Args:
        jobs: How many trials run at once, at least 1.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._workers: list[_Worker] = []

    def describe(self) -> str:
        """Where trials run."""
        return f"{self.jobs} process{'es' if self.jobs > 1 else ''} on this machine"

    def prepare(self, objective: Objective) -> None:
        """Nothing can be missing: workers are processes of this one's kind."""

    def run(self, director: Director, objective: Objective) -> None:
        """Run until the director has finished.

        Raises:
            HaltError: Worker processes do not start, or the disk is full.
        """
        while not director.finished:
            self._hand_out(director, objective)
            self._listen(director)
            director.tick()

    def _hand_out(self, director: Director, objective: Objective) -> None:
        idle = [worker for worker in self._workers if worker.job is None]
        while idle or len(self._workers) < self.jobs:
            job = director.next_job()
            if job is None:
                return
            worker = idle.pop() if idle else self._start_worker(objective)
            worker.job = job
            director.on_started(job.number, f"local:{self._workers.index(worker)}")
            try:
                worker.pipe.send(job)
            except OSError:
                self._bury(worker, director)

    def _start_worker(self, objective: Objective) -> _Worker:
        ours, theirs = _START.Pipe()
        process = _START.Process(target=_work, args=(theirs, objective, time.monotonic_ns()), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _listen(self, director: Director) -> None:
        pipes = {worker.pipe: worker for worker in self._workers}
        if not pipes:
            return
        for pipe in wait(list(pipes), timeout=_TICK_SECONDS):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker, director)
                continue
            self._hear(worker, message, director)

    def _hear(self, worker: _Worker, message: object, director: Director) -> None:
        assert worker.job is not None
        number = worker.job.number
        match message:
            case _Ready():
                worker.ready = True
            case _Epoch():
                verdict = director.on_epoch(number, message.number, message.metrics)
                try:
                    worker.pipe.send(verdict)
                except OSError:
                    self._bury(worker, director)
            case Ending():
                worker.job = None
                tell(director, number, message)

    def _bury(self, worker: _Worker, director: Director) -> None:
        worker.process.join(timeout=5)
        code = worker.process.exitcode
        worker.pipe.close()
        self._workers.remove(worker)
        if not worker.ready and code == _RAISED:
            raise HaltError("worker processes cannot start; what one of them said stands above")
        if worker.job is not None:
            director.on_lost(worker.job.number, _cause_of_death(code))

    def close(self) -> None:
        """End every worker process, also in the midst of a trial."""
        for worker in self._workers:
            worker.pipe.close()
            if worker.job is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(timeout=5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()


def make(settings: EngineSettings) -> Engine:
    """Make the engine."""
    return LocalEngine(settings.jobs or 1)


ENGINE = make


def _cause_of_death(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "the worker process was killed (SIGKILL), most often by the system for want of memory"
    if code is not None and code < 0:
        return f"the worker process died of {signal.Signals(-code).name}"
    return f"the worker process ended with exit code {code}"


def _work(pipe: Connection, objective: Objective, begun: int) -> None:
    """A worker's life: run what comes down the pipe until it closes."""
    worker_began(begun)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    pipe.send(_Ready())

    def hear(epoch: int, metrics: Metrics) -> Verdict:
        pipe.send(_Epoch(epoch, metrics))
        verdict: Verdict = pipe.recv()
        return verdict

    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(run_job(job, objective, hear))


def _die_with_parent() -> None:
    """End this process when the driver dies, so that no orphan writes into the run."""
    parent = mp.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch-driver").start()
