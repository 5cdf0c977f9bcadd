"""A job on its worker: the objective runs in a thread, one message at a time.

This module is imported on every worker: it needs neither torch nor anything of the search.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from lcsearch.core.freed_memory import let_go
from lcsearch.core.job import Job, Metrics, Objective, Report, Verdict
from lcsearch.core.look import Look, Looks, Work
from lcsearch.core.stopwatch import during
from lcsearch.engines import Ending, run_job
from lcsearch.engines.ray.messages import Epoch
from lcsearch.engines.ray.start_folders import fetch_for_look, fetch_start
from lcsearch.engines.ray.trial_folder import TrialFolder
from lcsearch.engines.ray.trial_storage import TrialStorage


class JobThread:
    """Runs one job in a thread.

    Args:
        job: What to run.
        objective: Runs it.
        shared: Shared storage; None if the worker sees the driver's disk.
        copy: Folder for this node's copy of the trial's folder.
        node: Folder that all workers of this node share.
    """

    def __init__(
        self, job: Work, objective: Objective, shared: TrialStorage | None, copy: Path, node: Path
    ) -> None:
        self._job = job
        self._here = _Here(objective, shared, copy, node)
        self._out: SimpleQueue[Epoch | Ending] = SimpleQueue()
        self._in: SimpleQueue[Verdict] = SimpleQueue()
        self._waits = False
        threading.Thread(target=self._run, daemon=True, name=f"job{job.number}").start()

    def next(self, verdict: Verdict) -> Epoch | Ending:
        """Wait for the next message.

        Args:
            verdict: The answer to the epoch before; ignored if there was none.
        """
        if self._waits:
            self._in.put(verdict)
        message = self._out.get()
        self._waits = isinstance(message, Epoch)
        return message

    def _run(self) -> None:
        disk = "the disk" if self._here.shared is None else f"the disk of node {socket.gethostname()}"
        self._out.put(run_job(self._job, self._here, self._hear, disk))
        let_go()

    def _hear(self, epoch: int, metrics: Metrics) -> Verdict:
        self._out.put(Epoch(epoch, metrics))
        return self._in.get()


@dataclass(frozen=True)
class _Here:
    """An objective on a node of its own.

    Attributes:
        objective: What it is on the driver.
        shared: Shared storage; None if the worker sees the driver's disk.
        copy: Folder for this node's copy of a trial's folder.
        node: Folder that all workers of this node share.
    """

    objective: Objective
    shared: TrialStorage | None
    copy: Path
    node: Path

    def __call__(self, job: Job, report: Report) -> Metrics:
        """Run a trial in a folder of this node that the shared storage keeps up with."""
        folder = TrialFolder(job, self.shared, self.copy)

        def push_and_report(epoch: int, metrics: Metrics) -> bool:
            with during("checkpoint"):
                folder.push()
            return report(epoch, metrics)

        try:
            here = replace(fetch_start(job, self.shared, self.node), directory=str(folder.path))
            metrics = self.objective(here, push_and_report)
            with during("checkpoint"):
                folder.push()
            return metrics
        finally:
            folder.close()

    def look(self, look: Look, report: Report) -> Metrics:
        """Look at candidates, cut out of what this node has fetched."""
        if not isinstance(self.objective, Looks):
            raise TypeError(f"{type(self.objective).__name__} looks at no candidates")
        return self.objective.look(fetch_for_look(look, self.shared, self.node), report)
