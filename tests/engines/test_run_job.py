"""How a job ends, whichever engine runs it."""

from __future__ import annotations

import errno
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from read_only import read_only
from scripted_director import ScriptedDirector, jobs

from lcsearch.core.errors import HaltError
from lcsearch.core.job import Job, Metrics, Objective, Report, ResultError, Suspended, Verdict
from lcsearch.core.look import Look, Prospect
from lcsearch.engines import Ending, run_job, tell

JOB = jobs(Path("run"), 1)[0]


def test_a_job_reaches_its_objective_and_its_epochs_the_director() -> None:
    heard: list[tuple[int, Metrics]] = []

    def hear(epoch: int, metrics: Metrics) -> Verdict:
        heard.append((epoch, metrics))
        return Verdict.GO_ON

    def objective(job: Job, report: Report) -> Metrics:
        assert job == JOB
        return three_epochs(job, report)

    assert run_job(JOB, objective, hear).kind == "complete"
    assert heard == [(1, {"accuracy": 1.0}), (2, {"accuracy": 2.0}), (3, {"accuracy": 3.0})]
    assert run_job(JOB, no_room, hear).reason == "the disk is full"


def no_room(job: Job, report: Report) -> Metrics:
    raise OSError(errno.ENOSPC, "No space left on device")


def ending_of(objective: Objective, *verdicts: Verdict) -> Ending:
    """How an objective ends that is answered so after its epochs."""
    answers = iter(verdicts)
    return run_job(JOB, objective, lambda epoch, metrics: next(answers), "the disk of node a")


def three_epochs(job: Job, report: Report) -> Metrics:
    for epoch in (1, 2, 3):
        if not report(epoch, {"accuracy": float(epoch)}):
            break
    return {"accuracy": float(epoch)}


def test_an_objective_goes_on_until_it_is_told_to_stop() -> None:
    go_on, stop = Verdict.GO_ON, Verdict.STOP
    assert ending_of(three_epochs, go_on, go_on, go_on) == Ending("complete", metrics={"accuracy": 3.0})
    assert ending_of(three_epochs, go_on, stop) == Ending("complete", metrics={"accuracy": 2.0})


def test_a_suspended_objective_leaves_at_once_even_if_it_catches_everything() -> None:
    left: list[int] = []

    def broad(job: Job, report: Report) -> Metrics:
        for epoch in (1, 2):
            with suppress(Exception):
                report(epoch, {"accuracy": 1.0})
            left.append(epoch)
        return {"accuracy": 1.0}

    assert ending_of(broad, Verdict.GO_ON, Verdict.SUSPEND) == Ending("suspended")
    assert left == [1]


@pytest.mark.parametrize(
    ("raised", "kind", "reason"),
    [
        (ValueError("bad\nluck"), "failed", "ValueError: bad luck ("),
        (ResultError("accuracy is 930"), "failed", "accuracy is 930"),
        (MemoryError(), "failed", "out of memory"),
        (SystemExit(3), "failed", "the objective left with SystemExit: 3"),
        (OSError(errno.ENOENT, "gone"), "failed", "FileNotFoundError: "),
        (OSError(errno.ENOSPC, "full"), "halted", "the disk of node a is full"),
        (OSError(errno.EDQUOT, "quota"), "halted", "the disk of node a is full"),
        (OSError(errno.EIO, "bad disk", "x"), "halted", "the disk of node a is lost: x: bad disk"),
        (OSError(errno.EROFS, "read-only"), "halted", "the disk of node a is lost: read-only"),
        (OSError(errno.ESTALE, "stale"), "halted", "the disk of node a is lost: stale"),
        (HaltError("the storage is full"), "halted", "the storage is full"),
        (torch.OutOfMemoryError("tried to allocate\n2 GiB"), "crowded", "OutOfMemoryError: tried to"),
    ],
)
def test_what_an_objective_raises_is_its_end(raised: BaseException, kind: str, reason: str) -> None:
    def objective(job: Job, report: Report) -> Metrics:
        raise raised

    ending = ending_of(objective)
    assert ending.kind == kind
    assert ending.reason.startswith(reason) and "\n" not in ending.reason


def test_whatever_is_raised_a_folder_that_cannot_be_written_is_the_cause(tmp_path: Path) -> None:
    """Libraries do not say by what they raise that a disk was the cause."""
    folder = tmp_path / "0"
    folder.mkdir()
    job = replace(JOB, directory=str(folder))

    def objective(job: Job, report: Report) -> Metrics:
        raise RuntimeError("file write failed")

    def ending() -> Ending:
        return run_job(job, objective, lambda epoch, metrics: Verdict.GO_ON)

    assert ending().kind == "failed" and list(folder.iterdir()) == []
    with read_only(folder):
        assert ending() == Ending("halted", f"{folder} cannot be written any more: Read-only file system")


def test_a_folder_that_is_gone_is_the_cause_where_a_file_in_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "trials" / "0"
    job = replace(JOB, directory=str(folder))

    def ending(missing: Path) -> Ending:
        return run_job(job, lambda *_: {"accuracy": len(missing.read_text())}, lambda *_: Verdict.GO_ON)

    assert ending(folder / "checkpoint.pt") == Ending("halted", f"{folder} is gone")
    assert ending(tmp_path / "mine.txt").kind == "failed"
    folder.mkdir(parents=True)
    assert ending(folder / "mine.txt").kind == "failed"


def test_a_failure_names_the_line_that_raised() -> None:
    def objective(job: Job, report: Report) -> Metrics:
        raise ValueError("bad luck")

    line = objective.__code__.co_firstlineno + 1
    assert ending_of(objective).reason == f"ValueError: bad luck ({__file__}:{line})"


def test_no_metrics_are_a_failure() -> None:
    assert ending_of(lambda job, report: None).reason.startswith("TypeError: ")  # type: ignore[arg-type,return-value]


def test_ctrl_c_passes_through() -> None:
    def objective(job: Job, report: Report) -> Metrics:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ending_of(objective)


def test_a_director_is_told_how_a_job_ended() -> None:
    director = ScriptedDirector(jobs(Path("run"), 5))
    for _ in range(5):
        director.next_job()
    tell(director, 0, Ending("complete", metrics={"accuracy": 1.0}))
    tell(director, 1, Ending("suspended"))
    tell(director, 2, Ending("failed", "ValueError: bad luck"))
    tell(director, 4, Ending("crowded", "no memory"))
    assert director.heard == [
        ("complete", 0), ("suspended", 1), ("failed", 2, "ValueError: bad luck"), ("failed", 4, "no memory"),
    ]  # fmt: skip
    assert director.metrics == {0: {"accuracy": 1.0}}
    with pytest.raises(HaltError, match=r"^the disk is full$"):
        tell(director, 3, Ending("halted", "the disk is full"))
    assert list(director.live) == [3]


def test_suspended_is_no_exception() -> None:
    """An objective that catches broadly must not swallow it."""
    assert not issubclass(Suspended, Exception)


def test_a_job_that_is_to_be_measured_ends_with_where_its_time_went_however_it_ends() -> None:
    director = ScriptedDirector([])
    director.live = {0: JOB}
    for objective, kind in ((three_epochs, "complete"), (no_room, "halted")):
        ending = run_job(replace(JOB, profile=True), objective, lambda epoch, metrics: Verdict.GO_ON)
        assert ending.kind == kind and "other" in ending.spent
        assert ("waiting" in ending.spent) == (kind == "complete")
        assert run_job(JOB, objective, lambda epoch, metrics: Verdict.GO_ON).spent == {}
        with suppress(HaltError):
            tell(director, 0, ending)
        assert director.spent.pop() == (0, ending.spent)


LOOK = Look(-1, (Prospect(0, JOB.spec.model), Prospect(1, JOB.spec.model)), "start", 8, (4, 8))


class LooksAround:
    """Reports a glance at each candidate, and what it was answered."""

    def __init__(self) -> None:
        self.answers = list[bool]()

    def __call__(self, job: Job, report: Report) -> Metrics:
        raise AssertionError("no trial is run")

    def look(self, look: Look, report: Report) -> Metrics:
        assert look == LOOK
        for told, one in enumerate(look.prospects, 1):
            self.answers.append(report(told, {"place": float(one.place)}))
        return {}


def test_a_look_reaches_the_objectives_look_and_its_glances_the_director() -> None:
    heard, objective = list[tuple[int, Metrics]](), LooksAround()
    verdicts = iter([Verdict.STOP, Verdict.GO_ON])

    def hear(told: int, metrics: Metrics) -> Verdict:
        heard.append((told, metrics))
        return next(verdicts)

    assert run_job(LOOK, objective, hear) == Ending("complete")
    assert heard == [(1, {"place": 0.0}), (2, {"place": 1.0})] and objective.answers == [False, True]
    assert run_job(LOOK, objective, lambda told, metrics: Verdict.SUSPEND) == Ending("suspended")
    assert run_job(replace(LOOK, profile=True), objective, lambda *_: Verdict.GO_ON).spent


def test_an_objective_that_does_not_look_fails_at_a_look() -> None:
    ending = run_job(LOOK, three_epochs, lambda *_: Verdict.GO_ON)
    assert ending.kind == "failed" and "function looks at no candidates" in ending.reason


def test_a_look_whose_start_folder_is_gone_halts(tmp_path: Path) -> None:
    class Reads(LooksAround):
        def look(self, look: Look, report: Report) -> Metrics:
            return {"read": len(Path(look.start, "backbone.safetensors").read_bytes())}

    gone = replace(LOOK, start=str(tmp_path / "start"))
    assert run_job(gone, Reads(), lambda *_: Verdict.GO_ON) == Ending(
        "halted", f"{tmp_path / 'start'} is gone"
    )
