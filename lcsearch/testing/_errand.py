"""What the contract suite of engines has workers do; workers import it by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lcsearch.core.job import Job, Report
from lcsearch.core.look import Glance, Look

RUNS, RAISES, DIES, STOPS, RESTS = range(5)
"""Jobs by number: what they do."""
LOOKS = -1
"""The look, of two candidates; told to stop at the first, it turns to the other."""

MOST_EPOCHS = 60
EPOCHS = 3
LEFT = "left.txt"
"""The file that a job leaves in its folder, with its number and its last epoch."""


@dataclass(frozen=True)
class Errand:
    """Counts epochs; goes on from the file that an earlier attempt has left. Looks at what is in a folder."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        """Do what the job's number says."""
        file = Path(job.directory) / LEFT
        file.parent.mkdir(parents=True, exist_ok=True)
        done = int(file.read_text().split()[1]) if job.resume and file.exists() else 0
        epochs = MOST_EPOCHS if job.number == STOPS else EPOCHS
        for epoch in range(done + 1, epochs + 1):
            file.write_text(f"{job.number} {epoch}")
            if not report(epoch, {"accuracy": float(epoch)}):
                break
            if job.number == RAISES:
                raise ValueError("on purpose\nin two lines")
            if job.number == DIES and job.attempt == 0:
                os._exit(9)
        return {"accuracy": float(epoch), "began_after": float(done), "attempt": float(job.attempt)}

    def look(self, look: Look, report: Report) -> Mapping[str, float]:
        """Report of each candidate the number that lies in the folder that it is cut out of."""
        told = 0
        for one in look.prospects:
            folder = look.start if one.parent is None else one.parent.folder
            seen = float((Path(folder) / LEFT).read_text())
            for count in look.counts:
                told += 1
                if not report(told, Glance(seen, seen, count, 0, one.place).metrics()):
                    break
        return {}
