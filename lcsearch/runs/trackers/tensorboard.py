"""TensorBoard: ``tensorboard --logdir PLACE`` shows one run for the search, and one for each trial.

Each lies in a folder of its own, ``PLACE/RUN/search`` and ``PLACE/RUN/trial-0007``. When a search goes on,
what is recorded is written anew in place of what lies there: nothing is there twice, and nothing
that was lost is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from lcsearch.core.config import config_text
from lcsearch.core.errors import InputError
from lcsearch.core.packages import require
from lcsearch.core.records import TrialRecord
from lcsearch.core.words import result_words
from lcsearch.core.yaml import yaml_text
from lcsearch.runs.trackers import TrackedRun, Tracker
from lcsearch.runs.trackers._event_file import EventFile


class TensorBoard(Tracker):
    """Writes event files.

    Args:
        place: A folder, which is made if need be.

    Raises:
        InputError: It is not writable, or TensorBoard is not installed.
    """

    def __init__(self, place: str) -> None:
        require(["tensorboard"], "lcsearch[tensorboard]", "track")
        self._top = Path(place).expanduser().resolve()
        super().__init__(str(self._top))
        _check_writable(self._top)
        self._running: dict[int, _Trial] = {}
        self._ended = 0

    def start(self, run: TrackedRun) -> None:
        """Write what is recorded already."""
        self._key = run.key
        self._folder = self._folder_of(run.name)
        self._search = EventFile(self._folder / "search", run.key)
        self._search.text("settings", _as_code(yaml_text(run.record.settings)))
        for trial in sorted(run.record.trials, key=_end):
            if trial.state == "running":
                self.epoch(trial)
            else:
                self.trial_ended(trial)
        self._search.flush()

    def trial_started(self, trial: TrialRecord) -> None:
        """Write its spec and its sizes."""
        self.epoch(trial)

    def epoch(self, trial: TrialRecord) -> None:
        """Write the epochs that are not there yet."""
        if trial.number not in self._running:
            file = EventFile(self._folder / f"trial-{trial.number:04d}", self._key)
            self._running[trial.number] = _Trial(file, trial)
        self._running[trial.number].write(trial)

    def trial_ended(self, trial: TrialRecord) -> None:
        """Write what became of it, also into the search's own run."""
        self.epoch(trial)
        self._running.pop(trial.number).end(trial)
        self._ended += 1
        for tag, value in (("accuracy", trial.accuracy), ("params", trial.params), ("macs", trial.macs)):
            if value is not None:
                self._search.scalar(f"trials/{tag}", value, self._ended, trial.finished_at)
        self._search.flush()

    def files_written(self, files: Sequence[Path]) -> None:
        """Say where they lie."""
        self._search.text("files", "\n".join(f"- `{file.resolve()}`" for file in files))
        self._search.flush()

    def close(self) -> None:
        """Let go of every file."""
        for trial in self._running.values():
            trial.close()
        self._search.close()

    def _folder_of(self, name: str) -> Path:
        """``NAME``, or where other runs have the name, too, the first free of ``NAME-2``, ``NAME-3``, ..."""
        folders = (self._top / (name if number == 1 else f"{name}-{number}") for number in count(1))
        return next(folder for folder in folders if self._is_free(folder))

    def _is_free(self, folder: Path) -> bool:
        return all(file.name.endswith(f".{self._key}") for file in (folder / "search").glob("*tfevents*"))


class _Trial:
    """One trial's run in TensorBoard.

    Args:
        file: Its file.
        trial: What is known of it.
    """

    def __init__(self, file: EventFile, trial: TrialRecord) -> None:
        self._file = file
        self._epochs = 0
        file.text("spec", _as_code(config_text(trial.spec)))
        choices = {name: value for name, value in trial.spec.to_plain().items() if name != "version"}
        hparams = {"origin": trial.origin, **dict(_flat(choices))}
        file.hparams(f"trial {trial.number}", hparams, trial.started_at)
        for tag, size in (("params", trial.params), ("macs", trial.macs)):
            file.scalar(tag, size, 0, trial.started_at)

    def write(self, trial: TrialRecord) -> None:
        """Write the epochs that are not there yet."""
        for done in trial.epochs[self._epochs :]:
            for tag in ("accuracy", "train_loss", "seconds"):
                if not math.isnan(value := getattr(done, tag)):  # what an objective does not give
                    self._file.scalar(tag, value, done.epoch, done.finished_at)
        self._epochs = len(trial.epochs)
        self._file.flush()

    def end(self, trial: TrialRecord) -> None:
        """Write what became of it, and let go of the file."""
        if trial.accuracy is not None:
            self._file.scalar("final_accuracy", trial.accuracy, 0, trial.finished_at)
        self._file.text("state", f"{trial.state}: {result_words(trial)}")
        self._file.end(trial.state != "failed", trial.finished_at)
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


TRACKER = TensorBoard


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: not writable: {error.strerror}", setting="track") from None


def _end(trial: TrialRecord) -> float:
    """When a trial ended, so that points lie in the order in which a search writes them."""
    return trial.finished_at or 0.0


def _as_code(text: str) -> str:
    return f"```\n{text}```"


def _flat(plain: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested mappings, by its path with dots; lists as text, as hparams know none."""
    for key, value in plain.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif isinstance(value, list):
            yield f"{before}{key}", ", ".join(map(str, value))
        elif value is not None:
            yield f"{before}{key}", value
