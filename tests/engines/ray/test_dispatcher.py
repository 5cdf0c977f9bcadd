"""What Ray Tune asks and says, and what the director hears of it; without Ray itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_director import ScriptedDirector, jobs

from lcsearch.core.errors import HaltError
from lcsearch.core.job import Job, Verdict
from lcsearch.engines import Ending
from lcsearch.engines.ray.dispatcher import Dispatcher
from lcsearch.engines.ray.messages import Epoch
from lcsearch.engines.ray.storage import SharedStorage
from lcsearch.engines.ray.trial_storage import TrialStorage

COMPLETE = Ending("complete", metrics={"accuracy": 1.0})


def test_it_holds_back_at_its_number_of_jobs(tmp_path: Path) -> None:
    director = ScriptedDirector(jobs(tmp_path, 5))
    limit = 2
    dispatcher = Dispatcher(director, lambda: limit, None)
    assert [dispatcher.next_job(name) is not None for name in "abc"] == [True, True, False]
    limit = 3
    assert dispatcher.next_job("c") is not None
    dispatcher.hear("a", COMPLETE)
    assert dispatcher.next_job("d") is not None
    assert director.most_live == 3


def test_one_end_of_a_trial_is_told_once(tmp_path: Path) -> None:
    director = ScriptedDirector(jobs(tmp_path, 1))
    dispatcher = Dispatcher(director, lambda: 1, None)
    dispatcher.next_job("a")
    dispatcher.lost("a", "the node died")
    dispatcher.lost("a", "the node died")
    dispatcher.hear("a", Ending("failed", "the node died"))
    assert dispatcher.hear("a", Epoch(1, {"accuracy": 1.0})) is None
    assert director.heard == [("lost", 0, "the node died")]
    assert not dispatcher.finished


def test_verdicts_come_back(tmp_path: Path) -> None:
    director = ScriptedDirector(jobs(tmp_path, 1), lambda number, epoch: Verdict.STOP if epoch > 1 else None)
    dispatcher = Dispatcher(director, lambda: 1, None)
    dispatcher.next_job("a")
    told = [dispatcher.hear("a", Epoch(epoch, {"accuracy": 1.0})) for epoch in (1, 2)]
    assert told == [Verdict.GO_ON, Verdict.STOP]
    assert dispatcher.hear("a", COMPLETE) is None
    assert dispatcher.finished


def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    dispatcher = Dispatcher(ScriptedDirector(jobs(tmp_path, 1)), lambda: 1, None)
    dispatcher.next_job("a")
    with pytest.raises(HaltError, match="the disk of node b is full"):
        dispatcher.hear("a", Ending("halted", "the disk of node b is full"))
    assert isinstance(dispatcher.error, HaltError)


def stored(folder: Path) -> tuple[Dispatcher, ScriptedDirector, Path, Path]:
    """With storage; the folder of trial 0 on the driver's disk, and on the storage."""
    shared = TrialStorage(SharedStorage(str(folder / "shared")), "run")
    director = ScriptedDirector(jobs(folder / "run", 1, resume=True))
    return Dispatcher(director, lambda: 1, shared), director, folder / "run/trials/0", folder / "shared/run/0"


def test_a_trials_folder_moves_between_disk_and_storage(tmp_path: Path) -> None:
    dispatcher, _, here, there = stored(tmp_path)
    here.mkdir(parents=True)
    (here / "checkpoint.pt").write_text("from an earlier session")
    dispatcher.next_job("a")
    assert (there / "checkpoint.pt").read_text() == "from an earlier session"
    assert not here.exists()
    (there / "checkpoint.pt").write_text("newer")
    dispatcher.hear("a", Ending("suspended"))
    assert (here / "checkpoint.pt").read_text() == "newer"
    assert not there.exists()


def test_a_trial_whose_files_do_not_come_back_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise PermissionError("not yours")

    dispatcher, director, _, _ = stored(tmp_path)
    dispatcher.next_job("a")
    monkeypatch.setattr(SharedStorage, "pull", broken)
    dispatcher.hear("a", COMPLETE)
    assert director.heard == [
        ("lost", 0, "what it wrote did not come back: PermissionError: not yours"),
    ]


def test_it_keeps_the_error_that_tune_wraps(tmp_path: Path) -> None:
    class Broken(ScriptedDirector):
        def next_job(self) -> Job | None:
            raise KeyError("broken")

    dispatcher = Dispatcher(Broken(jobs(tmp_path, 1)), lambda: 1, None)
    with pytest.raises(KeyError):
        dispatcher.next_job("a")
    assert isinstance(dispatcher.error, KeyError)
