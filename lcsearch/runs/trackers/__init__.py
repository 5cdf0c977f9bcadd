"""Where a search is followed beside its run directory: one tracker a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from lcsearch.core import plugins
from lcsearch.core.errors import InputError, one_line
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.trainings import TrainingRecord


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """The run that a tracker follows.

    Attributes:
        name: What people call it: the name of its directory. Another run may have the same.
        key: Letters and digits that no other run has; a run that is gone on with keeps them. A trial is known
            everywhere by the key of its run and its number.
        record: Its settings, and what was recorded before the search started: no trial where the run is new.
    """

    name: str
    key: str
    record: RunRecord


class Tracker:
    """Writes somewhere what becomes of one search: the base of trackers, which hears it and does nothing.

    It is made before the run directory is. Then one other thread calls it, one call at a time: first `start`,
    at last `close`. What it raises is said in one line, nothing more is told it, and the search goes on.

    The search does not wait for it. Where it falls too far behind, calls are left out; so are the last ones
    before a process is killed. But each call has all of the trial so far in its record, and `start` all of
    the run: a tracker that writes whatever is not there yet misses nothing.

    Args:
        place: Where to write: a folder, an address, a project.

    Attributes:
        place: The same, as it is understood in any folder: the run is gone on with from there.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def start(self, run: TrackedRun) -> None:
        """A search starts, or goes on: then the record holds its trials, and some of them may be running."""

    def trial_started(self, trial: TrialRecord) -> None:
        """A worker has begun a trial, or goes on with one: then the record has epochs."""

    def epoch(self, trial: TrialRecord) -> None:
        """A trial has finished the last epoch of its record; an epoch may be told again after a restart."""

    def trial_ended(self, trial: TrialRecord) -> None:
        """A trial has its end: any state but ``running``; it may never have started."""

    def training(self, training: TrainingRecord) -> None:
        """A model is trained again: it has begun, has finished an epoch, has failed, or has its end.

        Its end is told once every model is trained and tested.
        """

    def files_written(self, files: Sequence[Path]) -> None:
        """The search has written files for people, such as the report."""

    def close(self) -> None:
        """The search leaves, at its end or before; trials that still run may go on in another process."""

    def exported(self, run: TrackedRun, file: Path) -> None:
        """A trial was exported; called instead of all others, maybe while a search goes on elsewhere.

        Args:
            run: The run that it comes from.
            file: The file.
        """


@runtime_checkable
class TrackerMaker(Protocol):
    """Makes the tracker of a search; a subclass of `Tracker` will do."""

    def __call__(self, place: str) -> Tracker:
        """Make a tracker, which holds nothing open before its `Tracker.start`.

        Args:
            place: What the user wrote behind the tracker's name.

        Raises:
            InputError: The place cannot be written to, or a package is missing.
        """


def find(name: str) -> TrackerMaker:
    """Import what makes the tracker of a name.

    Raises:
        InputError: There is none, or it does not load.
    """
    maker: TrackerMaker = plugins.find(plugins.TRACKER, name)
    return maker


def make(wanted: Iterable[str]) -> dict[str, Tracker]:
    """Make trackers.

    Args:
        wanted: ``NAME:PLACE`` each.

    Returns:
        By ``NAME:PLACE``, with the place as it is understood in any folder; each once.

    Raises:
        InputError: One cannot be made.
    """
    made = dict[str, Tracker]()
    for one in wanted:
        name, _, place = one.partition(":")
        maker = find(name)
        try:
            tracker = maker(place)
            full = f"{name}:{tracker.place}"
        except InputError:
            raise
        except Exception as error:
            problem = f"{one} cannot be written to: {one_line(error)}"
            raise InputError(problem, setting="track") from error
        made.setdefault(full, tracker)
    return made
