"""What trackers are told of a search, and that none of them can slow it or stop it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from outline import outline
from simulated_search import session

from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.runs import trackers
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.runs.trackers import TrackedRun, Tracker
from lcsearch.search import tracking
from lcsearch.search.history import History
from lcsearch.search.observer import Observer
from lcsearch.search.tracking import Tracking

pytestmark = pytest.mark.slow


class Told(Tracker):
    """Keeps what it is told, and by which thread."""

    def __init__(self) -> None:
        super().__init__("here")
        self.calls: list[tuple[str, Any]] = []
        self.threads: set[str] = set()

    def start(self, run: TrackedRun) -> None:
        self.hear("start", run)

    def trial_started(self, trial: TrialRecord) -> None:
        self.hear("trial_started", trial)

    def epoch(self, trial: TrialRecord) -> None:
        self.hear("epoch", trial)

    def trial_ended(self, trial: TrialRecord) -> None:
        self.hear("trial_ended", trial)

    def files_written(self, files: Sequence[Path]) -> None:
        self.hear("files_written", files)

    def close(self) -> None:
        self.hear("close", None)

    def hear(self, what: str, about: Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.calls.append((what, about))

    def of(self, what: str, number: int) -> list[TrialRecord]:
        """What it was told so of a trial."""
        return [about for told, about in self.calls if told == what and about.number == number]


class Raises(Told):
    """Raises at one kind of call."""

    def __init__(self, where: str, error: BaseException) -> None:
        super().__init__()
        self.where, self.error = where, error

    def hear(self, what: str, about: Any) -> None:
        super().hear(what, about)
        if what == self.where:
            raise self.error


def search(path: Path, *trackers: Tracker, **changes: Any) -> tuple[tuple[TrialRecord, ...], list[str]]:
    """The trials of a search, and what it has said."""
    said: list[str] = []
    following = {f"tracker {place}": one for place, one in enumerate(trackers)}
    with session(path, trackers=following, **changes) as opened:
        assert opened.run(said.append) is None
        opened.finish()
    return read_run(path).trials, said


def test_it_hears_of_every_trial_and_epoch_once_in_one_thread(tmp_path: Path) -> None:
    told = Told()
    trials, said = search(tmp_path / "run", told, trials=14, max_params=60_000)
    assert {trial.state for trial in trials} == {"complete", "pruned", "rejected"}
    for trial in trials:
        trained = bool(trial.epochs)
        assert len(told.of("trial_started", trial.number)) == trained
        heard = [record.epochs[-1].epoch for record in told.of("epoch", trial.number)]
        assert heard == [done.epoch for done in trial.epochs]
        assert outline(tuple(told.of("trial_ended", trial.number))) == outline((trial,))
    kinds = [kind for kind, _ in told.calls]
    assert kinds[0] == "start" and kinds[-2:] == ["files_written", "close"]
    assert told.calls[-2][1] == [tmp_path / "run" / "best.yaml", tmp_path / "run" / "report.html"]
    assert told.threads == {"lcsearch-trackers"} and said == []
    assert "lcsearch-trackers" not in {thread.name for thread in threading.enumerate()}


def test_a_search_without_trackers_has_no_thread_for_them(tmp_path: Path) -> None:
    names: list[str] = []

    class Looks(Observer):
        def tick(self, history: History) -> None:
            names.extend(thread.name for thread in threading.enumerate())

    with session(tmp_path / "run", trials=1) as opened:
        opened.watch(Looks())
        assert opened.run() is None
    assert names and "lcsearch-trackers" not in names


def test_several_observers_hear_the_same_beside_trackers(tmp_path: Path) -> None:
    class Counts(Observer):
        def __init__(self) -> None:
            self.heard: list[tuple[str, int]] = []

        def started(self, record: TrialRecord) -> None:
            self.heard.append(("trial_started", record.number))

        def epoch(self, record: TrialRecord) -> None:
            self.heard.append(("epoch", record.number))

        def ended(self, record: TrialRecord, history: History) -> None:
            self.heard.append(("trial_ended", record.number))

    one, other, told = Counts(), Counts(), Told()
    with session(tmp_path / "run", trials=3, trackers={"told": told}) as opened:
        opened.watch(one)
        opened.watch(other)
        assert opened.run() is None
    assert one.heard == other.heard == [(what, about.number) for what, about in told.calls[1:-1]]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    """A search that nobody follows."""
    return outline(search(tmp_path_factory.mktemp("runs") / "alone", trials=2)[0])


FULL, LEAVES = OSError(28, "No space left\non device"), SystemExit("no account")


@pytest.mark.parametrize(
    ("where", "error", "reason"),
    [
        ("epoch", LEAVES, "SystemExit: no account"),
        *(
            (where, FULL, "OSError: [Errno 28] No space left on device")
            for where in ("start", "trial_started", "epoch", "trial_ended", "files_written", "close")
        ),
    ],
)
def test_one_that_fails_is_said_once_and_the_search_goes_on(
    where: str, error: BaseException, reason: str, tmp_path: Path, alone: list[tuple[object, ...]]
) -> None:
    broken, whole = Raises(where, error), Told()
    trials, said = search(tmp_path / "run", broken, whole, trials=2)
    assert said == [f"tracker 0: {reason}; the search goes on without it"]
    assert [kind for kind, _ in broken.calls].count(where) == 1 and broken.calls[-1][0] == where
    assert [kind for kind, _ in whole.calls].count("trial_ended") == len(trials)
    assert outline(trials) == alone


def run_of_no_trial() -> TrackedRun:
    return TrackedRun("run", "abc", RunRecord(Path("run"), {}, 0, ()))


def test_one_that_hangs_costs_no_more_than_a_while_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "MOST_WAITING", 5)
    monkeypatch.setattr(tracking, "CLOSE_SECONDS", 0.01)
    hangs, goes_on = threading.Event(), threading.Event()

    class Hangs(Told):
        def start(self, run: TrackedRun) -> None:
            hangs.set()
            assert goes_on.wait(60)

    tracker, said = Hangs(), list[str]()
    trial = search(tmp_path / "run", trials=1)[0][0]
    following = Tracking({"slow": tracker}, run_of_no_trial(), said.append)
    assert hangs.wait(60)
    for _ in range(8):
        following.epoch(trial)
    following.close()
    assert said == [
        "trackers were slower than the search: 3 calls were left out",
        "trackers are not done after 0.01 s: their last words may be missing",
    ]
    goes_on.set()
    following.close()
    assert [kind for kind, _ in tracker.calls] == ["epoch"] * 5 + ["close"]


def test_a_run_that_goes_on_is_the_same_run_and_holds_its_trials(tmp_path: Path) -> None:
    first, second, other = Told(), Told(), Told()
    trials, _ = search(tmp_path / "run", first, trials=4)
    search(tmp_path / "run", second, trials=6)
    search(tmp_path / "other", other, trials=1)
    begun, again, elsewhere = (one.calls[0][1] for one in (first, second, other))
    assert (begun.name, again.name, elsewhere.name) == ("run", "run", "other")
    assert begun.key == again.key != elsewhere.key
    assert begun.record.trials == () and outline(again.record.trials) == outline(trials)
    assert again.record.settings == RunDirectory.open(tmp_path / "run").read().to_plain()


def test_the_key_is_that_of_the_study(tmp_path: Path) -> None:
    with session(tmp_path / "run", trials=1):
        pass
    directory = RunDirectory.open(tmp_path / "run")
    text = directory.settings.read_text()
    directory.settings.write_text(text.replace("study: null", "study: lcsearch:3fa2c1d0e9ab"))
    assert tracking.tracked(directory, ()).key == "3fa2c1d0e9ab"


def test_what_is_exported_is_given_to_each_tracker_and_one_that_fails_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session(tmp_path / "run", trials=1, track=("one:here", "two:there")):
        pass
    given: list[tuple[str, Path]] = []

    class Takes(Tracker):
        def exported(self, run: TrackedRun, file: Path) -> None:
            if self.place == "here":
                raise ConnectionError("no route")
            given.append((run.name, file))

    made = {"one:here": Takes("here"), "two:there": Takes("there")}
    monkeypatch.setattr(trackers, "make", lambda names: {name: made[name] for name in names})
    said: list[str] = []
    tracking.give_export(read_run(tmp_path / "run"), tmp_path / "a.onnx", said.append)
    assert given == [("run", tmp_path / "a.onnx")]
    assert said == [f"one:here: ConnectionError: no route; it does not have {tmp_path / 'a.onnx'}"]
