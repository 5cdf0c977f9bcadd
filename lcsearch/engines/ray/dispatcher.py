"""Where Ray Tune's searcher and scheduler meet the director: which Tune trial is which job."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lcsearch.core.errors import is_disk_full, is_disk_lost, one_line
from lcsearch.core.job import Job, Verdict
from lcsearch.core.look import Work
from lcsearch.engines import Director, Ending, tell
from lcsearch.engines.ray.messages import Epoch, Message, Started
from lcsearch.engines.ray.start_folders import StartFolders
from lcsearch.engines.ray.trial_storage import TrialStorage

_TICK_SECONDS = 0.5
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Assignment:
    """A job in a Tune trial's config; its text is short because Tune writes it into names."""

    job: Work

    def __repr__(self) -> str:
        if isinstance(self.job, Job):
            return f"trial-{self.job.number}.{self.job.attempt}"
        return f"look-{-self.job.number}"


class Dispatcher:
    """Hands out the director's jobs and carries back what becomes of them.

    Ray Tune wraps whatever its callbacks raise; `error` keeps the original.

    Args:
        director: Says what to run.
        jobs: How many may be live now.
        shared: Shared storage; None if workers see the driver's disk.
    """

    def __init__(self, director: Director, jobs: Callable[[], int], shared: TrialStorage | None) -> None:
        self._director = director
        self._jobs = jobs
        self._shared = shared
        self._starts = StartFolders(shared)
        self._live: dict[str, Work] = {}
        self._ticked = 0.0
        self.error: BaseException | None = None

    def __getstate__(self) -> dict[str, object]:
        """Nothing: Tune pickles all it is given into a file that nobody reads."""
        return {}

    def next_job(self, trial_id: str) -> Work | None:
        """The next job, for the Tune trial of this id; None while nothing is to be handed out."""
        if len(self._live) >= self._jobs():
            return None
        job = self._keep_error(self._director.next_job)
        if job is not None:
            self._keep_error(lambda: self._send_folders(job))
            self._live[trial_id] = job
        return job

    @property
    def finished(self) -> bool:
        """Whether the director has finished."""
        return not self._live and self._keep_error(lambda: self._director.finished)

    def hear(self, trial_id: str, message: Message) -> Verdict | None:
        """Pass on what a worker says, or what is known of a worker; nothing after a job's end.

        Returns:
            The answer to an epoch; None if there is nothing to answer: the job has begun or has ended.

        Raises:
            HaltError: The run cannot go on for now.
        """
        job = self._live.get(trial_id)
        if job is None:
            return None
        if isinstance(message, Ending):
            del self._live[trial_id]
        return self._keep_error(lambda: self._pass_on(job, message))

    def lost(self, trial_id: str, reason: str) -> None:
        """A worker is gone; the director decides whether its trial is handed out again."""
        job = self._live.pop(trial_id, None)
        if job is not None:
            self._keep_error(lambda: self._director.on_lost(job.number, reason))

    def close(self) -> None:
        """Remove from the shared storage what no trial needs any more."""
        self._starts.remove()

    def tick(self) -> None:
        """Let the director look at the clock, not too often."""
        now = time.monotonic()
        if now - self._ticked >= _TICK_SECONDS:
            self._ticked = now
            self._keep_error(self._director.tick)

    def _pass_on(self, job: Work, message: Message) -> Verdict | None:
        match message:
            case Started():
                self._director.on_started(job.number, message.worker)
            case Epoch():
                return self._director.on_epoch(job.number, message.number, message.metrics)
            case Ending():
                self._end(job, message)
        return None

    def _end(self, job: Work, ending: Ending) -> None:
        try:
            if ending.kind != "halted":
                self._fetch_folder(job)
        except Exception as error:
            if is_disk_full(error) or is_disk_lost(error):
                raise
            self._director.on_lost(job.number, f"what it wrote did not come back: {one_line(error)}")
        else:
            tell(self._director, job.number, ending)

    def _send_folders(self, job: Work) -> None:
        """Move what a trial needs to where workers find it, also what an earlier session left of it.

        Its folder here is newer than one there: it came back when the trial was suspended.
        """
        self._starts.send(job)
        if not isinstance(job, Job):
            return
        folder = Path(job.directory)
        if job.resume and self._shared is not None and folder.is_dir() and any(folder.iterdir()):
            self._shared.storage.push(folder, self._shared.trial(job), {})
            shutil.rmtree(folder)

    def _fetch_folder(self, job: Work) -> None:
        """Move a trial's folder from the shared storage to the run directory."""
        if self._shared is not None and isinstance(job, Job):
            self._shared.storage.pull(self._shared.trial(job), Path(job.directory))
            self._shared.storage.remove(self._shared.trial(job))

    def _keep_error(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            return call()
        except BaseException as error:
            self.error = error
            raise
