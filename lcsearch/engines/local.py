"""Runs trials in worker processes on this machine; a worker that dies takes one trial with it, no more."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from lcsearch.core.errors import HaltError, is_disk_full
from lcsearch.core.job import Director, Job, Metrics, Objective, ResultError, Suspended, Verdict

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
        process = _START.Process(target=_work, args=(theirs, objective), daemon=True)
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

    def _hear(self, worker: _Worker, message: tuple[object, ...], director: Director) -> None:
        assert worker.job is not None
        number = worker.job.number
        match message:
            case ("ready",):
                worker.ready = True
                return
            case ("epoch", int() as epoch, metrics):
                verdict = director.on_epoch(number, epoch, metrics)  # type: ignore[arg-type]
                try:
                    worker.pipe.send(verdict)
                except OSError:
                    self._bury(worker, director)
                return
            case ("complete", metrics):
                director.on_complete(number, metrics)  # type: ignore[arg-type]
            case ("suspended",):
                director.on_suspended(number)
            case ("failed", str() as reason):
                director.on_failed(number, reason)
            case ("full",):
                raise HaltError("the disk is full")
        worker.job = None

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


def _cause_of_death(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "the worker process was killed (SIGKILL), most often by the system for want of memory"
    if code is not None and code < 0:
        return f"the worker process died of {signal.Signals(-code).name}"
    return f"the worker process ended with exit code {code}"


def _work(pipe: Connection, objective: Objective) -> None:
    """A worker's life: run what comes down the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    pipe.send(("ready",))
    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_run(job, objective, pipe))


def _run(job: Job, objective: Objective, pipe: Connection) -> tuple[object, ...]:
    def report(epoch: int, metrics: Metrics) -> bool:
        pipe.send(("epoch", epoch, dict(metrics)))
        verdict: Verdict = pipe.recv()
        if verdict is Verdict.SUSPEND:
            raise Suspended
        return verdict is Verdict.GO_ON

    try:
        return ("complete", dict(objective(job, report)))
    except Suspended:
        return ("suspended",)
    except MemoryError:
        return ("failed", "out of memory")
    except Exception as error:
        return ("full",) if is_disk_full(error) else ("failed", describe_error(error))


def describe_error(error: Exception) -> str:
    """One line that says what went wrong and where in the code."""
    if isinstance(error, ResultError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text}{place}"


def _die_with_parent() -> None:
    """End this process when the driver dies, so that no orphan writes into the run."""
    parent = mp.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch-driver").start()
