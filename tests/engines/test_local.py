"""The local engine with real worker processes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from engine_objectives import Leaves, LooksAndDies, Mortal, Steps
from scripted_director import SPEC, ScriptedDirector, jobs

from lcsearch import engines
from lcsearch.core.errors import HaltError
from lcsearch.core.job import Objective, Verdict
from lcsearch.core.look import Look, Prospect
from lcsearch.engines import EngineSettings


def run(folder: Path, at_once: int, director: ScriptedDirector, objective: Objective) -> None:
    with closing(engines.find("local")(EngineSettings(folder, jobs=at_once))) as engine:
        assert engine.jobs == at_once
        engine.prepare(objective)
        engine.run(director, objective)


def made(folder: Path, count: int) -> Path:
    """A run directory with folders for so many trials."""
    for number in range(count):
        (folder / "trials" / str(number)).mkdir(parents=True)
    return folder


def test_one_worker_runs_one_trial_after_the_other_and_every_verdict_is_heard(tmp_path: Path) -> None:
    verdicts = {(1, 2): Verdict.STOP, (2, 1): Verdict.SUSPEND}
    director = ScriptedDirector(
        jobs(made(tmp_path, 5), 5), lambda number, epoch: verdicts.get((number, epoch))
    )
    run(tmp_path, 1, director, Steps(epochs=3, seconds=0))
    assert [event for event in director.heard if event[0] != "failed"] == [
        ("started", 0), ("epoch", 0, 1), ("epoch", 0, 2), ("epoch", 0, 3), ("complete", 0),
        ("started", 1), ("epoch", 1, 1), ("epoch", 1, 2), ("complete", 1),
        ("started", 2), ("epoch", 2, 1), ("suspended", 2),
        ("started", 3), ("epoch", 3, 1),
        ("started", 4), ("epoch", 4, 1), ("epoch", 4, 2), ("epoch", 4, 3), ("complete", 4),
    ]  # fmt: skip
    [(number, reason)] = director.reasons("failed")
    assert number == 3 and reason.startswith("ValueError: three is no good (")
    assert len({metrics["process"] for metrics in director.metrics.values()}) == 1


def test_a_worker_that_dies_takes_one_trial_with_it_and_is_replaced(tmp_path: Path) -> None:
    director = ScriptedDirector(jobs(made(tmp_path, 4), 4), tries=2)
    run(tmp_path, 2, director, Mortal())
    lost = director.reasons("lost")
    assert sorted(str(number) for number, _ in lost) == ["1", "2", "2"]
    assert all("SIGKILL" in reason for _, reason in lost)
    assert {number: metrics["attempt"] for number, metrics in director.metrics.items()} == {0: 0, 1: 1, 3: 0}


def test_two_jobs_overlap(tmp_path: Path) -> None:
    director = ScriptedDirector(jobs(made(tmp_path, 2), 2))
    run(tmp_path, 2, director, Steps(epochs=1, seconds=0, meet=str(tmp_path / "meeting")))
    assert sorted(director.metrics) == [0, 1] and director.most_live == 2


def test_a_full_disk_halts_the_run(tmp_path: Path) -> None:
    (tmp_path / "full").touch()
    director = ScriptedDirector(jobs(made(tmp_path, 2), 2))
    with pytest.raises(HaltError, match=r"^the disk is full$"):
        run(tmp_path, 1, director, Steps(seconds=0, full=str(tmp_path / "full")))
    assert director.ends == {0: "complete", 1: "epoch"}  # it has not failed


def test_a_worker_that_has_no_trial_looks_at_candidates_and_one_that_dies_at_it_is_replaced(
    tmp_path: Path,
) -> None:
    model = SPEC.model
    looks = [Look(-n, tuple(Prospect(p, model) for p in range(3)), str(tmp_path), 8, (4, 8)) for n in (1, 2)]

    def rule(number: int, told: int) -> Verdict | None:
        return Verdict.STOP if (number, told) == (-1, 2) else None

    director = ScriptedDirector([*looks, *jobs(made(tmp_path, 1), 1)], rule)
    run(tmp_path, 1, director, LooksAndDies(seconds=0, epochs=1))
    [(lost, reason)] = director.reasons("lost")
    assert lost == -2 and "SIGKILL" in reason
    assert director.ends == {-1: "complete", -2: "lost", 0: "complete"}
    assert director.metrics[-1] == {"answers": 101.0}, "told to stop at the second"


def test_what_refers_to_itself_does_not_outlive_its_job(tmp_path: Path) -> None:
    """Such as a training and the function that does its steps: Python alone frees it some time later."""
    director = ScriptedDirector(jobs(made(tmp_path, 3), 3))
    run(tmp_path, 1, director, Leaves())
    assert [metrics["accuracy"] for metrics in director.metrics.values()] == [0.0, 0.0, 0.0]
