"""What fails around a run stops it in one line, costs no trial, and is forgotten once it is mended."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from outline import outline
from read_only import read_only
from simulated_search import Simulated, session

from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.job import Job, Metrics, Report
from lcsearch.runs import database
from lcsearch.runs.read import read_run
from lcsearch.search.finish import Finish

TRIALS = 6
THIRD = 3


@pytest.fixture
def mending() -> Iterator[ExitStack]:
    """What makes the surroundings whole again."""
    with ExitStack() as stack:
        yield stack


def during_the_third(happens: Callable[[], None]) -> Callable[[Job, Report], Metrics]:
    """An objective in whose third trial something happens, before it writes into its folder."""

    def objective(job: Job, report: Report) -> Metrics:
        folder = Path(job.directory)
        folder.mkdir(parents=True, exist_ok=True)
        if job.number == THIRD:
            happens()
        (folder / "mine.txt").write_text("x")
        return Simulated()(job, report)

    return objective


def stopped(path: Path, happens: Callable[[], None]) -> tuple[str | None, Finish]:
    """What a run says at its end, and what it then leaves."""
    with session(path, during_the_third(happens), trials=TRIALS) as opened:
        problem = opened.run()
        return problem, opened.finish()


def assert_goes_on(path: Path, whole: Path) -> None:
    """No trial is recorded as failed, and the rest is as if nothing had happened."""
    states = [trial.state for trial in read_run(path).trials]
    assert states == ["complete"] * THIRD + ["running"]
    for run in (path, whole):
        with session(run, trials=TRIALS) as opened:
            assert opened.run() is None
    assert outline(read_run(path).trials) == outline(read_run(whole).trials)


@pytest.mark.slow
def test_a_held_study(tmp_path: Path, mending: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0)
    run = tmp_path / "run"

    def hold() -> None:
        other = sqlite3.connect(run / "study.db", isolation_level=None)
        mending.callback(other.close)
        other.execute("BEGIN IMMEDIATE")

    problem, left = stopped(run, hold)
    assert problem == f"{run}: another program holds the study, still after 0 s"
    assert len(left.trials) == THIRD + 1 and left.lines[0].startswith("best.yaml holds trial")
    with session(run, trials=TRIALS) as again:
        assert again.run() == problem
    mending.close()
    assert_goes_on(run, tmp_path / "whole")


@pytest.mark.slow
def test_a_run_directory_that_is_lost_and_comes_back(tmp_path: Path, mending: ExitStack) -> None:
    disk, seen = tmp_path / "disk", tmp_path / "seen"
    disk.mkdir()
    seen.mkdir()
    mount = ["mount", "--bind", str(disk), str(seen)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a folder")
    mending.callback(subprocess.run, ["umount", "-l", str(seen)], capture_output=True, check=False)
    problem, left = stopped(seen / "run", lambda: mending.close())
    folder = seen / "run/trials" / str(THIRD)
    assert problem == f"{seen / 'run'}: {folder} is gone"
    assert left.trials == () and left.lines == ()
    assert list(seen.iterdir()) == []
    subprocess.run(mount, check=True)
    mending.callback(subprocess.run, ["umount", "-l", str(seen)], check=True)
    assert_goes_on(seen / "run", tmp_path / "whole")


def test_a_run_directory_that_is_removed_stays_away(tmp_path: Path) -> None:
    """Whatever writes into it next, the study is not made anew and nothing counts as done."""
    run = tmp_path / "run"

    def remove() -> None:
        shutil.rmtree(run)
        (run / "trials" / str(THIRD)).mkdir(parents=True)

    problem, left = stopped(run, remove)
    assert problem == f"{run}: the study is gone: No such file or directory"
    assert left.trials == () and not (run / "study.db").exists()


@pytest.mark.slow
def test_trials_that_cannot_write(tmp_path: Path, mending: ExitStack) -> None:
    run = tmp_path / "run"
    problem, left = stopped(run, lambda: mending.enter_context(read_only(run / "trials")))
    file = run / "trials" / str(THIRD) / "mine.txt"
    assert problem == f"{run}: the disk is lost: {file}: Read-only file system"
    assert len(left.trials) == THIRD + 1
    mending.close()
    assert_goes_on(run, tmp_path / "whole")


@pytest.mark.slow
def test_a_study_that_is_missing_is_not_begun_anew(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with session(run, trials=2) as opened:
        assert opened.run() is None
    (run / "study.db").rename(tmp_path / "study.db")
    with (
        pytest.raises(InputError, match=r"study\.db: is missing, though trials have run"),
        session(run, trials=3),
    ):
        pass
    (tmp_path / "study.db").rename(run / "study.db")
    with session(run, trials=3) as opened:
        assert opened.run() is None
    assert len(read_run(run).trials) == 3


def test_a_run_with_its_study_on_a_server_notices_that_its_directory_is_gone(tmp_path: Path) -> None:
    with session(tmp_path / "run", trials=2) as opened:
        job = opened.director.next_job()
        assert job is not None
        (tmp_path / "run/run.yaml").unlink()
        with pytest.raises(HaltError, match=r"run\.yaml is gone"):
            opened.director.on_failed(job.number, "OSError: no such folder")
        with pytest.raises(HaltError, match=r"run\.yaml is gone"):
            opened.director.next_job()
    assert opened.director.history[job.number].state == "running"
