"""Where Ray Tune's searcher and scheduler meet the director: which Tune trial is which job."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lcsearch.core.errors import HaltError, is_disk_full
from lcsearch.core.job import Director, Job, Verdict
from lcsearch.engines.ray.starts import Starts
from lcsearch.engines.ray.worker import Message, TrialStorage

_TICK_SECONDS = 0.5
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Assignment:
    """A job in a Tune trial's config; its text is short because Tune writes it into names."""

    job: Job

    def __repr__(self) -> str:
        return f"{self.job.number}.{self.job.attempt}"


class Desk:
    """Hands out the director's jobs and carries back what becomes of them.

    Ray Tune wraps whatever its callbacks raise; `error` keeps the original.

    Args:
        director: The search.
        jobs: How many may be live now.
        shared: Shared storage; None if workers see the driver's disk.
    """

    def __init__(self, director: Director, jobs: Callable[[], int], shared: TrialStorage | None) -> None:
        self._director = director
        self._jobs = jobs
        self._shared = shared
        self._starts = Starts(shared)
        self._live: dict[str, Job] = {}
        self._ticked = 0.0
        self.error: BaseException | None = None

    def __getstate__(self) -> dict[str, object]:
        """Nothing: Tune pickles all it is given into a file that nobody reads."""
        return {}

    def next_job(self, trial_id: str) -> Job | None:
        """The next job, for the Tune trial of this id; None while nothing is to be handed out."""
        if len(self._live) >= self._jobs():
            return None
        job = self._keep(self._director.next_job)
        if job is not None:
            self._keep(lambda: self._starts.send(job))
            if job.resume:
                self._keep(lambda: self._send_folder(job))
            self._live[trial_id] = job
        return job

    @property
    def finished(self) -> bool:
        """Whether the search is over."""
        return not self._live and self._keep(lambda: self._director.finished)

    def hear(self, trial_id: str, message: Message) -> Verdict | None:
        """Pass on what a worker says.

        Returns:
            The answer to an epoch; None if there is nothing to answer: the job has begun or has ended.
        """
        return self._keep(lambda: self._hear(trial_id, message))

    def failed(self, trial_id: str, reason: str) -> None:
        """A worker was ended for what the trial did; it would do it again."""
        job = self._live.pop(trial_id, None)
        if job is not None:
            self._keep(lambda: self._end(job, Message("failed", reason)))

    def lost(self, trial_id: str, reason: str) -> None:
        """A worker is gone; the director decides whether its trial is handed out again."""
        job = self._live.pop(trial_id, None)
        if job is not None:
            self._keep(lambda: self._director.on_lost(job.number, reason))

    def close(self) -> None:
        """Remove from the shared storage what no trial needs any more."""
        self._starts.remove()

    def tick(self) -> None:
        """Let the director look at the clock, not too often."""
        now = time.monotonic()
        if now - self._ticked >= _TICK_SECONDS:
            self._ticked = now
            self._keep(self._director.tick)

    def _hear(self, trial_id: str, message: Message) -> Verdict | None:
        job = self._live[trial_id]
        if message.kind == "started":
            self._director.on_started(job.number, message.text)
            return None
        if message.kind == "epoch":
            return self._director.on_epoch(job.number, message.epoch, message.metrics or {})
        del self._live[trial_id]
        self._end(job, message)
        return None

    def _end(self, job: Job, message: Message) -> None:
        if message.kind == "halt":
            raise HaltError(message.text)
        try:
            self._fetch_folder(job)
        except Exception as error:
            if is_disk_full(error):
                raise
            text = " ".join(str(error).split())
            self._director.on_lost(
                job.number, f"what it wrote did not come back: {type(error).__name__}: {text}"
            )
            return
        if message.kind == "complete":
            self._director.on_complete(job.number, message.metrics or {})
        elif message.kind == "suspended":
            self._director.on_suspended(job.number)
        else:
            self._director.on_failed(job.number, message.text)

    def _send_folder(self, job: Job) -> None:
        """Move what an earlier sitting left on the driver's disk to where workers find it.

        A file here is newer than one there: it came back when its trial was suspended.
        """
        folder = Path(job.directory)
        if self._shared is not None and folder.is_dir() and any(folder.iterdir()):
            self._shared.storage.push(folder, self._shared.name(job), {})
            shutil.rmtree(folder)

    def _fetch_folder(self, job: Job) -> None:
        """Move a trial's folder from the shared storage to the run directory."""
        if self._shared is not None:
            self._shared.storage.pull(self._shared.name(job), Path(job.directory))
            self._shared.storage.remove(self._shared.name(job))

    def _keep(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            return call()
        except BaseException as error:
            self.error = error
            raise
