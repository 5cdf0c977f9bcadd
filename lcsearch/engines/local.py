"""Runs trials in worker processes on this machine; a worker that dies takes one trial with it, no more."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
import time
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from lcsearch.core.errors import HaltError
from lcsearch.core.freed_memory import let_go
from lcsearch.core.job import Job, Metrics, Objective, Verdict
from lcsearch.core.look import Work
from lcsearch.core.machine import cores
from lcsearch.core.pace import Pace, told_to
from lcsearch.core.stopwatch import worker_began
from lcsearch.engines import Director, Ending, Engine, EngineSettings, run_job, tell
from lcsearch.engines._crew import Crew, Fixed, FoundOut

_TICK_SECONDS = 0.5
_START = mp.get_context("spawn")
_RAISED = 1
"""Exit code of a Python process that an exception ended."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    place: int
    job: Work | None = None
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
        jobs: How many trials run at once, at least 1; or what says so while they run.
    """

    def __init__(self, jobs: int | Crew) -> None:
        self._crew = Fixed(jobs) if isinstance(jobs, int) else jobs
        self._workers: list[_Worker] = []

    @property
    def jobs(self) -> int:
        """How many trials may run at once now."""
        return self._crew.number

    def describe(self) -> str:
        """Where trials run."""
        trying = "" if self._crew.found else ", trying how many pay"
        return f"{self.jobs} process{'es' if self.jobs > 1 else ''} on this machine{trying}"

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
            self._crew.look(len(self._workers))
            self._send_home()
            director.tick()

    def _hand_out(self, director: Director, objective: Objective) -> None:
        idle = [worker for worker in self._workers if worker.job is None]
        while self._live < self.jobs:
            job = director.next_job()
            if job is None:
                return
            worker = idle.pop() if idle else self._start_worker(objective)
            worker.job = job
            director.on_started(job.number, f"local:{worker.place}")
            try:
                worker.pipe.send(job)
            except OSError:
                self._bury(worker, director)

    @property
    def _live(self) -> int:
        return sum(worker.job is not None for worker in self._workers)

    def _send_home(self) -> None:
        """End workers that are one too many, as they have nothing to do."""
        for worker in [worker for worker in self._workers if worker.job is None]:
            if len(self._workers) > self.jobs:
                self._dismiss(worker)

    def _dismiss(self, worker: _Worker) -> None:
        """End a worker that has nothing to do; what it took of a device's memory is free then."""
        worker.pipe.close()
        self._workers.remove(worker)
        _end(worker.process)

    def _start_worker(self, objective: Objective) -> _Worker:
        ours, theirs = _START.Pipe()
        process = _START.Process(
            target=_work,
            args=(theirs, objective, time.monotonic_ns(), not self._crew.found),
            daemon=True,
        )
        process.start()
        theirs.close()
        taken = {worker.place for worker in self._workers}
        worker = _Worker(process, ours, next(place for place in count() if place not in taken))
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
            case Pace():
                self._crew.hear(number, message)
            case _Epoch():
                verdict = director.on_epoch(number, message.number, message.metrics)
                try:
                    worker.pipe.send(verdict)
                except OSError:
                    self._bury(worker, director)
            case Ending(kind="crowded") if self._live > 1:
                beside = self._live
                self._crew.crowded(beside)
                worker.job = None
                self._dismiss(worker)
                director.on_lost(number, f"the device's memory was full with {beside} trials at once")
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
            _end(worker.process)
        self._workers.clear()


def make(settings: EngineSettings) -> Engine:
    """Make the engine."""
    if settings.jobs is not None:
        return LocalEngine(settings.jobs)
    from lcsearch.core.device import device_memory  # brings PyTorch, which a worker may do without

    device = settings.device
    if device_memory(device) is None:
        return LocalEngine(cores() if device == "cpu" else 1)
    return LocalEngine(FoundOut(cores(), partial(device_memory, device)))


ENGINE = make


def _end(process: BaseProcess) -> None:
    """Wait for a process to end, but not for long."""
    process.join(timeout=5)
    if process.is_alive():
        process.kill()
        process.join()


def _cause_of_death(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "the worker process was killed (SIGKILL), most often by the system for want of memory"
    if code is not None and code < 0:
        return f"the worker process died of {signal.Signals(-code).name}"
    return f"the worker process ended with exit code {code}"


def _work(pipe: Connection, objective: Objective, begun: int, paced: bool) -> None:
    """A worker's life: run what comes down the pipe until it closes."""
    worker_began(begun)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    pipe.send(_Ready())
    while True:
        try:
            job: Work = pipe.recv()
        except (EOFError, OSError):
            return
        measured = paced and isinstance(job, Job)
        voice = _Voice(pipe, measured)
        with told_to(voice.pace if measured else None):
            ending = run_job(job, objective, voice.epoch)
        pipe.send(ending)
        let_go()


class _Voice:
    """What a worker says of a job while it runs.

    Args:
        pipe: To the engine.
        paced: Whether to say how fast the job goes: by its steps, or by the epochs of a loop that tells none.
    """

    def __init__(self, pipe: Connection, paced: bool) -> None:
        self._pipe = pipe
        self._by_epochs, self._by_steps = paced, False
        self._begun: float | None = None

    def pace(self, pace: Pace) -> None:
        """Say how fast steps went."""
        self._by_steps = True
        self._pipe.send(pace)

    def epoch(self, number: int, metrics: Metrics) -> Verdict:
        """Say that an epoch has ended, and wait for the answer; the first epoch is also the job's start."""
        if self._by_epochs and not self._by_steps and self._begun is not None:
            self._pipe.send(Pace(self._begun, time.monotonic(), 1))
        self._pipe.send(_Epoch(number, metrics))
        verdict: Verdict = self._pipe.recv()
        self._begun = time.monotonic()
        return verdict


def _die_with_parent() -> None:
    """End this process when the driver dies, so that no orphan writes into the run."""
    parent = mp.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch-driver").start()
