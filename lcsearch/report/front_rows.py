"""The rows of the table of a run's front."""

from __future__ import annotations

from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.runs.choose import front_of


def front_rows(run: RunRecord) -> list[TrialRecord]:
    """The front, smallest first, and the backbone last where it is not on it."""
    front, baseline = front_of(run.trials), run.baseline
    if not front or baseline is None or baseline.number in {t.number for t in front}:
        return front
    return [*front, baseline]
