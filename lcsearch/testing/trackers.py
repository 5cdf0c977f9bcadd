"""The contract of a tracker."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lcsearch.core.records import State, TrialRecord
from lcsearch.core.text import counted, kind_of
from lcsearch.core.trainings import TrainingRecord
from lcsearch.runs.trackers import TrackedRun, Tracker, TrackerMaker
from lcsearch.testing._expect import doing, expect
from lcsearch.testing._samples import EPOCHS, runs

Read = Callable[[str, TrackedRun, int], Sequence[tuple[int, float]]]
"""From a place, a run and a trial's number to what is found there: epochs and accuracies in percent."""

_CUT = 2
"""The place of the trial in whose midst a run is left; it has all of its epochs."""

_TOLERANCE = 1e-3
"""In points: what single precision keeps of an accuracy in percent."""


def check_tracker(maker: TrackerMaker, place: Callable[[Path], str] = str, read: Read | None = None) -> None:
    """Check that a tracker takes all that a search may tell it, goes on where it was, and changes nothing.

    Two runs of one name are followed to one place; the second is left amid a trial, and gone on with.

    Args:
        maker: What its file calls ``TRACKER``, or its entry point names.
        place: From an empty folder to where it writes, for one that takes no folder.
        read: Reads back what it wrote; None where that is not to be checked.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.runs.trackers.Tracker`.
        InputError: A package that it needs is missing.
    """
    with TemporaryDirectory(prefix="lcsearch-testing-", ignore_cleanup_errors=True) as folder:
        whole, cut = _run(Path(folder), "a1b2c3"), _run(Path(folder), "d4e5f6")
        first = _made(maker, place(Path(folder) / "tracked"))
        _in_a_thread(lambda: _to_the_end(first, whole))
        second, third = (_made(maker, first.place) for _ in range(2))
        expect(
            second.place == first.place,
            f"made with its own place {first.place!r} it has another, {second.place!r}: a run goes on there",
        )
        _in_a_thread(lambda: _left_early(second, cut))
        _in_a_thread(lambda: _gone_on_with(third, cut))
        fourth, fifth = (_made(maker, first.place) for _ in range(2))
        _in_a_thread(lambda: _trained_again(fourth, whole))
        _in_a_thread(lambda: _exported(fifth, whole))
        if read is not None:
            for run in (whole, cut):
                _check_read(read, first.place, run)


def _run(folder: Path, key: str) -> TrackedRun:
    """A finished run with trials of every other state; the objective of one gives no loss."""
    record = copy.deepcopy(runs()["trials of every state"])
    trials = [trial for trial in record.trials if trial.state != "running"]
    trials[1] = replace(trials[1], epochs=tuple(replace(e, train_loss=math.nan) for e in trials[1].epochs))
    path = folder / key / "sample"
    path.mkdir(parents=True)
    (path / "report.html").write_text("<p>A report.</p>")
    return TrackedRun(path.name, key, replace(record, path=path, trials=tuple(trials)))


def _made(maker: TrackerMaker, where: str) -> Tracker:
    tracker = maker(where)
    made = kind_of(tracker)
    expect(isinstance(tracker, Tracker), f"it makes {made}, no lcsearch.runs.trackers.Tracker")
    said = tracker.place
    good = isinstance(said, str) and bool(said.strip()) and "\n" not in said
    expect(good, f"its place is {said!r}; expected one line, which run.yaml keeps")
    return tracker


def _in_a_thread(session: Callable[[], None]) -> None:
    """As a search calls it: from another thread than the one that made it."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            session()
        except BaseException as error:
            raised.append(error)

    before = set(threading.enumerate())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    left = [one.name for one in set(threading.enumerate()) - before if not one.daemon]
    expect(not left, f"after close() its threads {left} still run, and Python would wait for them")


def _to_the_end(tracker: Tracker, run: TrackedRun) -> None:
    _start(tracker, run, ())
    for trial in run.record.trials:
        _tell_all(tracker, trial)
    with doing("files_written() of a report"):
        tracker.files_written([run.record.path / "report.html"])
    _close(tracker)


def _left_early(tracker: Tracker, run: TrackedRun) -> None:
    """After the first epoch of a trial."""
    trial = run.record.trials[_CUT]
    _start(tracker, run, ())
    for done in run.record.trials[:_CUT]:
        _tell_all(tracker, done)
    _tell(tracker, "trial_started", _after(trial, 0))
    _tell(tracker, "epoch", _after(trial, 1))
    _close(tracker)


def _gone_on_with(tracker: Tracker, run: TrackedRun) -> None:
    """From the last epoch of the trial, told once more; the process before told of the first alone."""
    trials, trial = run.record.trials, run.record.trials[_CUT]
    _start(tracker, run, (*trials[:_CUT], _after(trial, EPOCHS)))
    _tell_all(tracker, trial, EPOCHS)
    for later in trials[_CUT + 1 :]:
        _tell_all(tracker, later)
    _close(tracker)


def _trained_again(tracker: Tracker, run: TrackedRun) -> None:
    """A model of a finished search is trained again, another fails."""
    trial = run.record.trials[_CUT]
    _start(tracker, run, run.record.trials)
    ends: tuple[tuple[int, State], ...] = ((1, "complete"), (2, "failed"))
    for seed, state in ends:
        begun = TrainingRecord(trial, seed, "scratch", trial.spec, started_at=trial.started_at)
        done = replace(begun, epochs=trial.epochs, finished_at=trial.finished_at, state=state)
        reached = {"accuracy": 90.0, "test_accuracy": 89.0} if seed == 1 else {"reason": "out of memory"}
        for told in (begun, replace(begun, epochs=trial.epochs[:1]), replace(done, **reached)):
            with doing(f"training() of trial {trial.number} again, {told.state}"):
                tracker.training(told)
    _close(tracker)


def _exported(tracker: Tracker, run: TrackedRun) -> None:
    with doing("exported() of a file"):
        tracker.exported(run, run.record.path / "report.html")


def _tell_all(tracker: Tracker, trial: TrialRecord, done: int = 0) -> None:
    """Tell of a trial to its end, also of its start if it was trained, where so many epochs are done."""
    if trial.epochs:
        _tell(tracker, "trial_started", _after(trial, done))
    for epoch in range(max(done, 1), len(trial.epochs) + 1):
        _tell(tracker, "epoch", _after(trial, epoch))
    _tell(tracker, "trial_ended", trial)


def _after(trial: TrialRecord, epochs: int) -> TrialRecord:
    """The record of a trial while it runs."""
    return replace(
        trial, state="running", accuracy=None, epochs=trial.epochs[:epochs], finished_at=None, reason=None
    )


def _tell(tracker: Tracker, what: str, trial: TrialRecord) -> None:
    told = f"{what}() of trial {trial.number}, {trial.state} after {counted(len(trial.epochs), 'epoch')}"
    before = pickle.dumps(trial)
    with doing(told):
        getattr(tracker, what)(trial)
    expect(pickle.dumps(trial) == before, f"{told} changed the record")


def _start(tracker: Tracker, run: TrackedRun, trials: tuple[TrialRecord, ...]) -> None:
    record = replace(run.record, trials=trials)
    before = pickle.dumps(record)
    told = f"start() of a run with {counted(len(trials), 'trial')}"
    with doing(told):
        tracker.start(replace(run, record=record))
    expect(pickle.dumps(record) == before, f"{told} changed the record")


def _close(tracker: Tracker) -> None:
    with doing("close()"):
        tracker.close()


def _check_read(read: Read, place: str, run: TrackedRun) -> None:
    for trial in run.record.trials:
        with doing(f"reading trial {trial.number} back"):
            found = list(read(place, run, trial.number))
        wanted = [(epoch.epoch, epoch.accuracy) for epoch in trial.epochs]
        same = [epoch for epoch, _ in found] == [epoch for epoch, _ in wanted] and all(
            abs(ours - theirs) <= _TOLERANCE for (_, ours), (_, theirs) in zip(found, wanted, strict=True)
        )
        expect(same, f"of trial {trial.number} of run {run.key} it was told {wanted}, and {found} is there")
