"""A tracker: one line for each epoch, in a text file."""

from __future__ import annotations

from pathlib import Path

from lcsearch.core.errors import InputError
from lcsearch.core.records import TrialRecord
from lcsearch.runs.trackers import TrackedRun, Tracker


class Lines(Tracker):
    """Adds what is not there yet: the run's key, the trial, the epoch and its accuracy."""

    def __init__(self, place: str) -> None:
        self._file = Path(place).resolve()
        super().__init__(str(self._file))
        try:
            self._file.touch()
        except OSError as error:
            raise InputError(f"{place}: not writable: {error.strerror}", setting="track") from None

    def start(self, run: TrackedRun) -> None:
        self._key = run.key
        self._there = set(self._file.read_text().splitlines())
        for trial in run.record.trials:
            self.trial_ended(trial)

    def trial_ended(self, trial: TrialRecord) -> None:
        lines = (f"{self._key} {trial.number} {done.epoch} {done.accuracy:.3f}" for done in trial.epochs)
        new = [line for line in lines if line not in self._there]
        self._there.update(new)
        with self._file.open("a") as file:
            file.writelines(f"{line}\n" for line in new)

    epoch = trial_ended
