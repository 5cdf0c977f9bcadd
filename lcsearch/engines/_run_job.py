"""Runs one job and says how it ended: every engine does it here, so that an end means the same on all."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from lcsearch.core.errors import HaltError, file_fault, is_disk_full, is_disk_lost, one_line
from lcsearch.core.files import why_unwritable
from lcsearch.core.job import Job, Metrics, Objective, Report, ResultError, Suspended, Verdict
from lcsearch.core.look import Looks, Work
from lcsearch.core.stopwatch import during, measured
from lcsearch.engines._protocol import Director

Hear = Callable[[int, Metrics], Verdict]
"""Carries an epoch and its metrics to the director, and its verdict back."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended, as plain picklable data.

    Attributes:
        kind: ``complete``: the objective returned. ``suspended``: it left with its checkpoint kept.
            ``failed``: it raised, and would again. ``halted``: something around it failed, such as a disk
            that is full; no other job would fare better, and all can go on once that is mended. ``crowded``:
            the device's memory was full, which may be others' doing.
        reason: Why it failed or halted, in one line.
        metrics: What the objective returned.
        spent: Seconds of the worker by what they went for, where that was measured.
    """

    kind: Literal["complete", "suspended", "failed", "halted", "crowded"]
    reason: str = ""
    metrics: Metrics = field(default_factory=dict)
    spent: Metrics = field(default_factory=dict)


def run_job(job: Work, objective: Objective, hear: Hear, disk: str = "the disk") -> Ending:
    """Run an objective to its end, whatever that is.

    Args:
        job: What to run.
        objective: Runs it; a look by its method `lcsearch.core.look.Looks.look`.
        hear: Called after each epoch; the objective waits for the verdict.
        disk: What users call the disk that the objective writes to.

    Raises:
        KeyboardInterrupt: Ctrl-C, where this process hears it.
    """
    if not job.profile:
        return _run(job, objective, hear, disk)
    with measured() as watch:
        ending = _run(job, objective, hear, disk)
    return replace(ending, spent=watch.seconds())


def _run(job: Work, objective: Objective, hear: Hear, disk: str) -> Ending:
    def report(epoch: int, metrics: Metrics) -> bool:
        with during("waiting"):
            verdict = hear(epoch, dict(metrics))
        if verdict is Verdict.SUSPEND:
            raise Suspended
        return verdict is Verdict.GO_ON

    try:
        return Ending("complete", metrics=dict(_call(job, objective, report)))
    except Suspended:
        return Ending("suspended")
    except MemoryError:
        return Ending("failed", "out of memory")
    except HaltError as error:
        return Ending("halted", str(error))
    except Exception as error:
        if _device_full(error):
            return Ending("crowded", _describe(error))
        fault = _fault(error, Path(job.directory if isinstance(job, Job) else job.start), disk)
        return Ending("failed", _describe(error)) if fault is None else Ending("halted", fault)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such as sys.exit(): a worker that only ended would look like a lost one
        return Ending("failed", f"the objective left with {type(error).__name__}: {error}")


def _call(job: Work, objective: Objective, report: Report) -> Metrics:
    if isinstance(job, Job):
        return objective(job, report)
    if not isinstance(objective, Looks):
        raise TypeError(f"{type(objective).__name__} looks at no candidates")
    return objective.look(job, report)


def tell(director: Director, number: int, ending: Ending) -> None:
    """Tell a director how one of its jobs ended.

    Raises:
        HaltError: The run cannot go on for now.
    """
    if ending.spent:
        director.on_spent(number, ending.spent)
    match ending.kind:
        case "complete":
            director.on_complete(number, ending.metrics)
        case "suspended":
            director.on_suspended(number)
        case "failed" | "crowded":
            director.on_failed(number, ending.reason)
        case "halted":
            raise HaltError(ending.reason)


def _device_full(error: Exception) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def _fault(error: Exception, folder: Path, disk: str) -> str | None:
    """What around a job failed, and not the job, in one line; None where it is the job's own."""
    if isinstance(error, OSError):
        if is_disk_full(error):
            return f"{disk} is full"
        if is_disk_lost(error):
            return f"{disk} is lost: {file_fault(error)}"
        if not folder.is_dir() and error.filename and folder in Path(error.filename).parents:
            return f"{folder} is gone"
    trouble = why_unwritable(folder) if folder.is_dir() else None
    return None if trouble is None else f"{folder} cannot be written any more: {trouble}"


def _describe(error: Exception) -> str:
    """One line that says what went wrong and where in the code."""
    if isinstance(error, ResultError):
        return str(error)
    raised = traceback.extract_tb(error.__traceback__)[-1]
    return f"{one_line(error)} ({raised.filename}:{raised.lineno})"
