"""Where a run's folders lie on the shared storage."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lcsearch.core.job import Job
from lcsearch.engines.ray.storage import SharedStorage


@dataclass(frozen=True)
class TrialStorage:
    """Where trial folders are kept when workers do not see the driver's disk.

    Attributes:
        storage: The shared storage.
        prefix: The run's folder in it.
    """

    storage: SharedStorage
    prefix: str

    def trial(self, job: Job) -> str:
        """The shared folder of a trial."""
        return f"{self.prefix}/{job.number}"

    def start(self, folder: str) -> str:
        """The shared folder of what trials start from.

        Args:
            folder: Where it lies on the driver's disk.
        """
        return f"{self.prefix}/start-{hashlib.sha256(folder.encode()).hexdigest()[:12]}"
