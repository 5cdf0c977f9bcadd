"""What becomes of a proposal before anything is trained: rejected, a duplicate, or a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lcsearch.core.job import Job, Parent
from lcsearch.core.records import TrialRecord
from lcsearch.core.seeds import trial_seed
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.count import Count
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.limits import Limits
from lcsearch.search.proposals.plan import Candidate

Size = Callable[[ModelSpec], Count]
"""Counts a model without training it."""


@dataclass(frozen=True)
class Admission:
    """Makes a record of what is proposed, and a job of a record that must be trained.

    Attributes:
        directory: Where trials' folders, and what they start from, lie.
        settings: Every setting of the run.
        size: Counts a model without training it.
        held: Training images that models are judged by before they are trained; 0 where they are not.
    """

    directory: RunDirectory
    settings: RunSettings
    size: Size
    held: int = 0

    def admit(self, candidate: Candidate, history: History) -> TrialRecord:
        """The record of the next trial.

        Its state is ``running`` where it must be trained, and ``rejected`` over a limit, which binds all but
        the plain backbone. A duplicate has the state and values that its original has so far; what trains an
        earlier model on is none, and was within the limits.

        Args:
            candidate: What is proposed.
            history: Every trial before it.
        """
        count = self.size(candidate.spec.model)
        record = TrialRecord(
            history.next_number, "running", candidate.origin, candidate.label, candidate.spec,
            count.params, count.macs, count.layers, started_at=time.time(), screened=candidate.screened,
        )  # fmt: skip
        if record.continues:
            return replace(record, parent=candidate.parent)
        original = history.original_of(candidate.spec)
        if original is not None:
            return as_duplicate(record, original)
        if candidate.origin != "baseline":
            record = self._within_limits(record)
        if self.settings.inherit and record.state == "running":
            seen = candidate.screened is not None
            parent = candidate.parent if seen else history.parent_of(record.spec, record.params)
            record = replace(record, parent=parent)
        return record

    def job(self, record: TrialRecord, history: History, *, resume: bool) -> Job:
        """What a trial is handed out as.

        Args:
            record: The trial.
            history: Holds what it is cut out of.
            resume: Whether a checkpoint in its folder may be continued.
        """
        parent = None if record.parent is None else history[record.parent]
        return Job(
            record.number,
            attempt=0,
            seed=trial_seed(self.settings.seed, record.number),
            spec=record.spec,
            directory=self._folder(record.number),
            resume=resume,
            start=str(self.directory.start.resolve()) if record.spec.recipe.needs_backbone else "",
            parent=None if parent is None else Parent(self._folder(parent.number), parent.spec.model),
            threads=self.settings.threads_at_start if self._first(record) else 0,
            profile=self.settings.profile,
            held=self._held(record),
        )

    def _held(self, record: TrialRecord) -> int:
        """By how many images its model is to be judged first, also where it was not chosen by that.

        Candidates are weighed by what became of all that were judged so.
        """
        return self.held if record.screened is None and record.spec.recipe.is_cut_out else 0

    def _first(self, record: TrialRecord) -> bool:
        """Whether it is the backbone's trial, which others wait for."""
        return self.settings.waits and record.origin == "baseline"

    def _within_limits(self, record: TrialRecord) -> TrialRecord:
        limits = Limits(self.settings.max_params, self.settings.max_macs)
        over = [name for name, by in limits.violations(record.params, record.macs).items() if by > 0]
        if not over:
            return record
        return replace(record, state="rejected", reason=f"over {' and '.join(over)}", finished_at=time.time())

    def _folder(self, number: int) -> str:
        return str(self.directory.trial(number).resolve())


def as_duplicate(record: TrialRecord, original: TrialRecord) -> TrialRecord:
    """A trial that builds the same model the same way as an earlier one: it takes the earlier values."""
    return replace(
        record,
        state=original.state,
        accuracy=original.accuracy,
        predicted=original.predicted,
        predicted_error=original.predicted_error,
        metrics=original.metrics,
        duplicate_of=original.number,
        reason=f"the same model as trial {original.number}",
        finished_at=None if original.state == "running" else time.time(),
    )
