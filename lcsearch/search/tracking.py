"""Tells trackers of a search in a thread of their own, so that none can slow it or stop it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from lcsearch.core.errors import InputError, one_line
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.trainings import TrainingRecord
from lcsearch.runs import trackers
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.trackers import TrackedRun, Tracker
from lcsearch.search.history import History
from lcsearch.search.observer import Observer

MOST_WAITING = 10_000
"""Calls that may wait for the trackers; further ones are left out."""

CLOSE_SECONDS = 10.0
"""How long the end of a search waits for them."""

_Call = Callable[[Tracker], None]


class Tracking(Observer):
    """Hands what it hears to trackers.

    Args:
        trackers: By what messages call them.
        run: What they follow.
        say: Called with a line for the user, also from the trackers' thread.
    """

    def __init__(self, trackers: Mapping[str, Tracker], run: TrackedRun, say: Callable[[str], None]) -> None:
        self._live = dict(trackers)
        self._say = say
        self._left_out = 0
        self._calls = SimpleQueue[_Call | None]()
        self._tell(lambda tracker: tracker.start(run))
        self._thread = threading.Thread(target=self._work, name="lcsearch-trackers", daemon=True)
        self._thread.start()

    def started(self, record: TrialRecord) -> None:
        """A worker has begun a trial."""
        self._tell(lambda tracker: tracker.trial_started(record))

    def epoch(self, record: TrialRecord) -> None:
        """A trial has finished an epoch."""
        self._tell(lambda tracker: tracker.epoch(record))

    def untrained(self, record: TrialRecord) -> None:
        """A trial was rejected, or took another's values; one that waits for them ends later."""
        if record.state != "running":
            self._tell(lambda tracker: tracker.trial_ended(record))

    def ended(self, record: TrialRecord, history: History) -> None:
        """A trial has its end."""
        self._tell(lambda tracker: tracker.trial_ended(record))

    def training(self, record: TrainingRecord) -> None:
        """A model is trained again."""
        self._tell(lambda tracker: tracker.training(record))

    def files_written(self, files: Sequence[Path]) -> None:
        """The search has written files for people."""
        self._tell(lambda tracker: tracker.files_written(files))

    def close(self) -> None:
        """Wait a while until everything is written, and say what is not."""
        self._calls.put(None)
        self._thread.join(CLOSE_SECONDS)
        if self._left_out:
            self._say(f"trackers were slower than the search: {self._left_out} calls were left out")
        if self._thread.is_alive():
            self._say(f"trackers are not done after {CLOSE_SECONDS:g} s: their last words may be missing")

    def _tell(self, call: _Call) -> None:
        if self._calls.qsize() < MOST_WAITING:
            self._calls.put(call)
        else:
            self._left_out += 1

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            self._call_all(call)
        self._call_all(lambda tracker: tracker.close())

    def _call_all(self, call: _Call) -> None:
        for name, tracker in list(self._live.items()):
            try:
                call(tracker)
            except (Exception, SystemExit) as error:  # one that leaves Python must not take the others along
                del self._live[name]
                self._say(f"{name}: {one_line(error)}; the search goes on without it")


def followed(
    settings: RunSettings, observers: Sequence[Tracker] = ()
) -> tuple[RunSettings, dict[str, Tracker]]:
    """The settings with trackers' places as they are understood in any folder, and the trackers.

    Args:
        settings: Of the run.
        observers: Trackers of the user's own.

    Raises:
        InputError: One cannot be made, or is none.
    """
    following = trackers.make(settings.track)
    settings = replace(settings, track=tuple(following))
    for place, observer in enumerate(observers):
        if not isinstance(observer, Tracker):
            problem = f"{type(observer).__name__} is no lcsearch.Tracker; make a subclass of it"
            raise InputError(problem, setting="observers")
        following[f"observers[{place}] ({type(observer).__name__})"] = observer
    return settings, following


def give_export(run: RunRecord, file: Path, say: Callable[[str], None]) -> None:
    """Let the trackers of a run have what was exported from it.

    Args:
        run: The run.
        file: The file.
        say: Called with a line for each tracker that fails.
    """
    directory = RunDirectory.open(run.path)
    for name in directory.read().settings.track:
        try:
            for tracker in trackers.make([name]).values():
                tracker.exported(tracked(directory, run.trials), file)
        except (Exception, SystemExit) as error:
            say(f"{name}: {one_line(error)}; it does not have {file}")


def tracked(directory: RunDirectory, trials: Iterable[TrialRecord]) -> TrackedRun:
    """What trackers are told of a run.

    Args:
        directory: Of the run.
        trials: What is recorded of it, by number.
    """
    recorded = directory.read()
    name = directory.path.resolve().name
    key = (recorded.study or "").rpartition(":")[2]
    if not key:  # a run of an early version
        key = hashlib.sha256(f"{name} {recorded.made_at}".encode()).hexdigest()[:12]
    smallest = recorded.facts.smallest_params
    return TrackedRun(name, key, RunRecord(directory.path, recorded.to_plain(), smallest, tuple(trials)))
