"""Objectives that run in worker processes: they train nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lcsearch.core.job import Job, Report


@dataclass(frozen=True)
class Counting:
    """Three epochs; the accuracy says number, attempt and process."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        for epoch in (1, 2, 3):
            if not report(epoch, {"accuracy": job.number + epoch / 10}):
                break
        return {"accuracy": job.number + 0.5, "process": float(os.getpid()), "attempt": float(job.attempt)}


@dataclass(frozen=True)
class Mortal:
    """Trial 1 kills its own process at its first attempt, trial 2 at each; trial 3 raises."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        report(1, {"accuracy": 1.0})
        if (job.number == 1 and job.attempt == 0) or job.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if job.number == 3:
            raise ValueError("three is\nno good")
        return {"accuracy": 2.0, "attempt": float(job.attempt)}


@dataclass(frozen=True)
class Meeting:
    """Two trials wait for each other: one alone would wait in vain."""

    folder: Path

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        (self.folder / str(job.number)).touch()
        end = time.monotonic() + 200
        while len(list(self.folder.iterdir())) < 2:
            assert time.monotonic() < end, "no other trial has begun"
            time.sleep(0.05)
        return {"accuracy": 1.0}
