from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tracker_stores import offline_wandb

from lcsearch.core import plugins
from lcsearch.core.records import TrialRecord
from lcsearch.runs.trackers import TrackedRun, Tracker, find
from lcsearch.testing import check_tracker

Curve = list[tuple[int, float]]
END = threading.Event()


def event_files(place: str, run: TrackedRun, number: int) -> Curve:
    """Accuracies as TensorBoard reads them; the second run of a name has another folder."""
    from event_files import scalars

    folders = [path.parent.parent for path in Path(place).glob(f"*/search/*.{run.key}")]
    assert len(folders) == 1
    return scalars(folders[0] / f"trial-{number:04d}", "accuracy")


def mlflow_store(place: str, run: TrackedRun, number: int) -> Curve:
    from mlflow import MlflowClient

    client = MlflowClient(place.partition("#")[0])
    wanted = f"tags.`lcsearch.run` = '{run.key}' AND tags.`lcsearch.part` = 'trial-{number:04d}'"
    (found,) = client.search_runs(["1"], wanted)
    return [(point.step, point.value) for point in client.get_metric_history(found.info.run_id, "accuracy")]


def offline_files(place: str, run: TrackedRun, number: int) -> Curve:
    from wandb_files import history

    rows = history(run.record.path, f"{run.key}-trial-{number:04d}")
    return [(row["_step"], row["accuracy"]) for row in rows if "accuracy" in row]


def trackio_store(place: str, run: TrackedRun, number: int) -> Curve:
    from trackio.sqlite_storage import SQLiteStorage

    rows = SQLiteStorage.get_logs(place, f"{run.name}-{run.key}-trial-{number:04d}")
    return [(row["step"], row["accuracy"]) for row in rows if "accuracy" in row]


READ: dict[str, Any] = {
    "tensorboard": event_files,
    "mlflow": mlflow_store,
    "wandb": offline_files,
    "trackio": trackio_store,
}
PLACES: dict[str, Any] = {
    "tensorboard": str,
    "mlflow": lambda folder: f"sqlite:///{folder}.db",
    "wandb": lambda folder: "contract",
    "trackio": lambda folder: "contract",
}


@pytest.mark.parametrize("name", plugins.names(plugins.TRACKER))
def test_ours_keep_the_contract(name: str, tmp_path: Path) -> None:
    pytest.importorskip(name)
    with offline_wandb(tmp_path):
        check_tracker(find(name), PLACES[name], READ[name])


class Kept(Tracker):
    """Keeps accuracies by run, trial and epoch, in this process."""

    places: ClassVar[dict[str, dict[tuple[str, int], Curve]]] = defaultdict(lambda: defaultdict(list))

    def start(self, run: TrackedRun) -> None:
        self.run = run
        for trial in run.record.trials:
            self.epoch(trial)

    def epoch(self, trial: TrialRecord) -> None:
        there = self.places[self.place][self.run.key, trial.number]
        there += [(done.epoch, done.accuracy) for done in trial.epochs[len(there) :]]


def kept(place: str, run: TrackedRun, number: int) -> Curve:
    return Kept.places[place][run.key, number]


def test_a_small_tracker_keeps_it() -> None:
    check_tracker(Kept, read=kept)


def test_one_that_does_nothing_keeps_it_unless_it_is_read() -> None:
    check_tracker(Tracker)
    with pytest.raises(AssertionError, match=r"of trial 0 of run a1b2c3 it was told \[\(1, .* and \[\] is"):
        check_tracker(Tracker, read=lambda place, run, number: [])


def test_its_place_need_be_no_folder() -> None:
    given: list[str] = []

    def maker(place: str) -> Tracker:
        given.append(place)
        return Tracker(place)

    check_tracker(maker, lambda folder: "http://localhost:5000")
    assert set(given) == {"http://localhost:5000"}


class Moves(Tracker):
    def __init__(self, place: str) -> None:
        super().__init__(f"{place}/again")


class NeedsLosses(Kept):
    def epoch(self, trial: TrialRecord) -> None:
        assert all(round(done.train_loss) >= 0 for done in trial.epochs)


class KnowsTheStarted(Kept):
    """Takes it that every trial starts."""

    def trial_started(self, trial: TrialRecord) -> None:
        self.live = trial.number

    def trial_ended(self, trial: TrialRecord) -> None:
        del self.live


class Rounds(Tracker):
    def trial_ended(self, trial: TrialRecord) -> None:
        trial.metrics["rounded"] = 1.0  # type: ignore[index]


class ForgetsTheKey(Kept):
    def start(self, run: TrackedRun) -> None:
        super().start(TrackedRun(run.name, "", run.record))


class TakesTheLast(Kept):
    """Trusts that it hears of every epoch, once."""

    def start(self, run: TrackedRun) -> None:
        self.run = run

    def epoch(self, trial: TrialRecord) -> None:
        done = trial.epochs[-1]
        self.places[self.place][self.run.key, trial.number].append((done.epoch, done.accuracy))


class Doubles(TakesTheLast):
    """Writes what is recorded when the search goes on, whatever is there."""

    def start(self, run: TrackedRun) -> None:
        super().start(run)
        for trial in run.record.trials:
            there = self.places[self.place][self.run.key, trial.number]
            there += [(done.epoch, done.accuracy) for done in trial.epochs]


class Waits(Tracker):
    """Leaves a thread that Python waits for."""

    def close(self) -> None:
        threading.Thread(target=END.wait, name="sender").start()


@pytest.fixture
def sender() -> Iterator[None]:
    """The thread ends with the test."""
    END.clear()
    yield
    END.set()


@pytest.mark.parametrize(
    ("maker", "complaint"),
    [
        (lambda place: print, "it makes a builtin_function_or_method, no lcsearch.runs.trackers.Tracker"),
        (lambda place: Tracker(""), "its place is ''; expected one line"),
        (Moves, "made with its own place .* it has another"),
        (NeedsLosses, r"epoch\(\) of trial 1, running after 1 epoch: ValueError: cannot convert float NaN"),
        (KnowsTheStarted, r"trial_ended\(\) of trial 5, rejected after 0 epochs: AttributeError"),
        (Rounds, r"trial_ended\(\) of trial 0, complete after 3 epochs changed the record"),
        (ForgetsTheKey, "of trial 0 of run a1b2c3 it was told"),
        (TakesTheLast, r"of trial 2 of run d4e5f6 it was told \[\(1, .*\), \(2, .*\), \(3, .*\)\], and"),
        (Doubles, r"of trial 0 of run a1b2c3 it was told"),
        (Waits, r"after close\(\) its threads \['sender'\] still run"),
    ],
)
@pytest.mark.usefixtures("sender")
def test_what_breaks_it_is_said(maker: Any, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_tracker(maker, read=kept)
