"""An engine without processes: for tests of what is around engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugin_files import installed

from lcsearch.core import plugins
from lcsearch.core.job import Job, Metrics, Objective, Report, Verdict
from lcsearch.core.look import Look, Work
from lcsearch.engines import Director, Ending, Engine, EngineSettings, run_job, tell


class Killed(BaseException):
    """Stands for ``kill -9`` of this process: nothing may catch it."""


class InlineEngine:
    """Runs one trial at a time in this process."""

    jobs = 1

    def describe(self) -> str:
        return "this process"

    def prepare(self, objective: Objective) -> None:
        pass

    def close(self) -> None:
        pass

    def run(self, director: Director, objective: Objective) -> None:
        while not director.finished:
            job = director.next_job()
            if job is not None:
                director.on_started(job.number, "inline")
                tell(director, job.number, _run(director, objective, job))
            director.tick()


@dataclass(frozen=True)
class _Mortal:
    """An objective that dies with the process, and leaves what killed it."""

    objective: Any
    raised: list[BaseException]

    def __call__(self, job: Job, report: Report) -> Metrics:
        return self._dying(self.objective, job, report)

    def look(self, look: Look, report: Report) -> Metrics:
        return self._dying(self.objective.look, look, report)

    def _dying(self, call: Callable[[Any, Report], Metrics], work: Work, report: Report) -> Metrics:
        try:
            return call(work, report)
        except Killed as error:
            self.raised.append(error)
            raise


def _run(director: Director, objective: Objective, job: Work) -> Ending:
    """What breaks in the director, or kills the process, is not the objective's end."""
    raised: list[BaseException] = []

    def hear(epoch: int, metrics: Metrics) -> Verdict:
        try:
            return director.on_epoch(job.number, epoch, metrics)
        except BaseException as error:
            raised.append(error)
            raise

    ending = run_job(job, _Mortal(objective, raised), hear)
    if raised:
        raise raised[0]
    return ending


def make(settings: EngineSettings) -> Engine:
    """Make the engine, as the registry's engines are made."""
    return InlineEngine()


@contextmanager
def installed_inline(folder: Path) -> Iterator[None]:
    """Within it the engine is found by its name, ``inline``, like that of any other distribution."""
    entries = {plugins.ENGINE.group: {"inline": "inline_engine:make"}}
    with installed(folder, "inline-engine", "1.0", entries, {}):
        yield
