"""What a recorded trial is handed out as."""

from __future__ import annotations

from dataclasses import dataclass

from lcsearch.core.job import Job, Parent
from lcsearch.core.records import TrialRecord
from lcsearch.core.seeds import trial_seed
from lcsearch.runs.directory import RunDirectory
from lcsearch.search.history import History


@dataclass(frozen=True)
class Jobs:
    """Makes jobs of trials.

    Attributes:
        directory: Where trials' folders, and what they start from, lie.
        seed: The run's.
    """

    directory: RunDirectory
    seed: int

    def make(self, record: TrialRecord, history: History, *, resume: bool) -> Job:
        """The job of a trial.

        Args:
            record: The trial.
            history: Holds what it is cut out of.
            resume: Whether a checkpoint in its folder may be continued.
        """
        cut = record.spec.recipe.init == "backbone"
        return Job(
            record.number,
            attempt=0,
            seed=trial_seed(self.seed, record.number),
            spec=record.spec,
            directory=self._folder(record.number),
            resume=resume,
            start=str(self.directory.start.resolve()) if cut else "",
            parent=None if record.parent is None else self._parent(history[record.parent]),
        )

    def _parent(self, record: TrialRecord) -> Parent:
        return Parent(self._folder(record.number), record.spec.model)

    def _folder(self, number: int) -> str:
        return str(self.directory.trial(number).resolve())
