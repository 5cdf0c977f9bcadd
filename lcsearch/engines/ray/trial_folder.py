"""A trial's folder on the node that it runs on."""

from __future__ import annotations

import shutil
from pathlib import Path

from lcsearch.core.job import Job
from lcsearch.engines.ray.storage import Seen
from lcsearch.engines.ray.trial_storage import TrialStorage


class TrialFolder:
    """A trial's folder on this node, kept equal to the shared one where there is one.

    Args:
        job: The trial.
        shared: Shared storage; None if the worker sees the driver's disk.
        copy: Folder for this node's copy.
    """

    def __init__(self, job: Job, shared: TrialStorage | None, copy: Path) -> None:
        self._shared = shared
        self._job = job
        self._seen: Seen = {}
        self.path = Path(job.directory) if shared is None else copy
        self.path.mkdir(parents=True, exist_ok=True)
        if shared is None:
            return
        if job.resume:
            self._seen = shared.storage.pull(shared.trial(job), self.path)
        else:
            shared.storage.remove(shared.trial(job))

    def push(self) -> None:
        """Bring what the objective has written to the shared storage."""
        if self._shared is not None:
            self._shared.storage.push(self.path, self._shared.trial(self._job), self._seen)

    def close(self) -> None:
        """Remove this node's copy."""
        if self._shared is not None:
            shutil.rmtree(self.path, ignore_errors=True)
