"""Trackers to which a trial and a model that is trained again are the same: a part of the run."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from lcsearch.core.records import TrialRecord
from lcsearch.core.trainings import TrainingRecord
from lcsearch.runs.trackers import TrackedRun, Tracker
from lcsearch.runs.trackers._ledger import Ledger
from lcsearch.runs.trackers._parts import Part, epoch_values, of_training, of_trial


class PartTracker(Tracker):
    """Writes whatever is not there yet of a part, each time that something is heard of it."""

    @abstractmethod
    def write(self, part: Part) -> None:
        """Write whatever is not there yet of a part: spec and sizes, epochs, what became of it."""

    def write_recorded(self, run: TrackedRun) -> None:
        """Write what is recorded already, by the time of its end."""
        for trial in sorted(run.record.trials, key=lambda trial: trial.finished_at or 0.0):
            self.write(of_trial(trial))

    def trial_started(self, trial: TrialRecord) -> None:
        """Write its spec and its sizes."""
        self.write(of_trial(trial))

    def epoch(self, trial: TrialRecord) -> None:
        """Write the epochs that are not there yet."""
        self.write(of_trial(trial))

    def trial_ended(self, trial: TrialRecord) -> None:
        """Write what became of it, also into the search's own run."""
        self.write(of_trial(trial))

    def training(self, training: TrainingRecord) -> None:
        """Write what is not there yet of a model that is trained again."""
        self.write(of_training(training))


class LedgerTracker(PartTracker):
    """Writes each part into a run of its own, through a library whose runs ``log`` values at steps.

    What is written to its end stands in a ledger, for the library cannot be asked.
    """

    def begin(self, run: TrackedRun, name: str) -> None:
        """Nothing is written in this process yet.

        Args:
            run: What is followed.
            name: The tracker's.
        """
        self._ledger = Ledger(run.record.path, name, self.place)
        self._live: dict[str, tuple[Any, int]] = {}
        self._ended = 0

    @abstractmethod
    def search_run(self) -> tuple[Any, int]:
        """The search's own run, and the last step that was there of it at the start."""

    @abstractmethod
    def open_part(self, part: Part) -> tuple[Any, int]:
        """A part's run with its spec and sizes, and the last epoch that is there of it."""

    @abstractmethod
    def end_part(self, own: Any, part: Part) -> None:
        """Write into a part's run what became of it, and let go of it."""

    def write(self, part: Part) -> None:
        """Write whatever is not there yet of a part."""
        if part.name not in self._ledger:
            own, last = self._live.get(part.name) or self.open_part(part)
            new = [done for done in part.epochs if done.epoch > last]
            for done in new:
                own.log(epoch_values(done), step=done.epoch)
            self._live[part.name] = own, max([last, *(done.epoch for done in new)])
            if part.ended:
                self._end(part)
        if part.ended and part.on_search:
            search, shown = self.search_run()
            self._ended += 1
            if self._ended > shown:
                search.log(dict(part.on_search), step=self._ended)

    def _end(self, part: Part) -> None:
        own, _ = self._live.pop(part.name)
        self.end_part(own, part)
        if part.final:
            self._ledger.add(part.name)
