"""The contract of an engine."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lcsearch.core.job import Job, Metrics, Parent, Verdict
from lcsearch.core.look import Glance, Look, Prospect, Work
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.engines import Engine, EngineMaker, EngineSettings
from lcsearch.testing._errand import (
    DIES,
    EPOCHS,
    LEFT,
    LOOKS,
    MOST_EPOCHS,
    RAISES,
    RESTS,
    RUNS,
    STOPS,
    Errand,
)
from lcsearch.testing._expect import doing, expect

_SPEC = TrialSpec(ModelSpec("base", 10, 1))
_STOP_AT = 2
_JOBS = 2


def check_engine(maker: EngineMaker, settings: Callable[[Path], EngineSettings] | None = None) -> None:
    """Check that an engine runs jobs to each of their ends and tells all of it, in one thread.

    It starts workers and takes seconds: one job ends, one raises, one kills its process, one is told to
    stop, one is suspended and handed out again, and one is a look at candidates.

    Args:
        maker: What its file calls ``ENGINE``, or its entry point names.
        settings: From an empty folder to the engine's settings, for one that needs an address or storage. Two
            jobs at once where None.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.engines.Engine`.
    """
    with TemporaryDirectory(prefix="lcsearch-testing-", ignore_cleanup_errors=True) as folder:
        made = EngineSettings(Path(folder), jobs=_JOBS) if settings is None else settings(Path(folder))
        with doing("made, described and closed before it was prepared"):
            _check_idle(maker(made))
        director = _Director(Path(folder))
        with doing("running jobs"), closing(maker(made)) as engine:
            engine.prepare(Errand())
            jobs = engine.jobs
            engine.run(director, Errand())
            engine.close()
        expect(
            director.most_live <= jobs, f"it ran {director.most_live} jobs at once and says it runs {jobs}"
        )
        expect(director.finished, "run() came back although the director has not finished")
        _check_ends(director)
        _check_epochs(director)
        _check_look(director.glances)
        told = {number: len(spent) for number, spent in director.spent.items()}
        expect(told == {RUNS: 1}, f"one job was to be measured, once, and it told of {told}")


def _check_idle(engine: Engine) -> None:
    said = engine.describe()
    expect(isinstance(said, str) and bool(said) and "\n" not in said, f"describe() returned {said!r}")
    expect(engine.jobs >= 1, f"jobs is {engine.jobs} before prepare(); expected at least 1")
    engine.close()
    engine.close()


@dataclass
class _Director:
    """Hands out five trials, one of them again after it died, one again after it was suspended, and a look.

    Attributes:
        folder: Where the jobs' folders are made.
        heard: What was told of each job, in order, but for its epochs.
        epochs: The epochs that each job has reported.
        metrics: What complete jobs have returned.
        spent: What was told of where each job's time went.
        glances: What was told of the look.
    """

    folder: Path
    heard: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    epochs: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    metrics: dict[int, Metrics] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    spent: dict[int, list[Metrics]] = field(default_factory=lambda: defaultdict(list))
    most_live: int = 0
    glances: list[Glance] = field(default_factory=list)
    _live: dict[int, Work] = field(default_factory=dict)
    _thread: int = field(default_factory=threading.get_ident)

    def __post_init__(self) -> None:
        trials = [
            Job(
                number,
                0,
                number,
                _SPEC,
                str(self.folder / "trials" / str(number)),
                False,
                profile=number == RUNS,
            )
            for number in (RUNS, RAISES, DIES, STOPS, RESTS)
        ]
        self.queue: list[Work] = [*trials, self._look()]

    def _look(self) -> Look:
        """One candidate that is cut out of the backbone, one out of a trial."""
        start, parent = self.folder / "start", self.folder / "trials" / "77"
        for folder, seen in ((start, "1"), (parent, "2")):
            folder.mkdir(parents=True)
            (folder / LEFT).write_text(seen)
        made = (None, Parent(str(parent), _SPEC.model))
        prospects = tuple(Prospect(place, _SPEC.model, one) for place, one in enumerate(made))
        return Look(LOOKS, prospects, str(start), held=8, counts=(4, 8))

    @property
    def finished(self) -> bool:
        return not self.queue and not self._live

    def next_job(self) -> Work | None:
        self._check_thread()
        if not self.queue:
            return None
        job = self.queue.pop(0)
        self._live[job.number] = job
        self.most_live = max(self.most_live, len(self._live))
        return job

    def on_started(self, number: int, worker: str) -> None:
        self._hear(number, "started")
        expect(isinstance(worker, str) and bool(worker), f"it calls the worker of a job {worker!r}")

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        self._check_thread()
        expect(number in self._live, f"it tells of an epoch of job {number}, which is not running")
        if number == LOOKS:
            self.glances.append(Glance.of(metrics))
            return Verdict.STOP if len(self.glances) == 1 else Verdict.GO_ON
        expect(metrics["accuracy"] == epoch, f"epoch {epoch} of job {number} came with the metrics {metrics}")
        self.epochs[number].append(epoch)
        if number == STOPS and epoch == _STOP_AT:
            return Verdict.STOP
        rested = "suspended" in self.heard[RESTS]
        return Verdict.SUSPEND if number == RESTS and not rested else Verdict.GO_ON

    def on_complete(self, number: int, metrics: Metrics) -> None:
        self._hear(number, "complete")
        self.metrics[number] = metrics
        del self._live[number]

    def on_suspended(self, number: int) -> None:
        self._hear(number, "suspended")
        self.queue.append(replace(self._trial(number), resume=True))

    def on_failed(self, number: int, reason: str) -> None:
        self._hear(number, "failed")
        self.reasons[number] = reason
        del self._live[number]

    def on_lost(self, number: int, reason: str) -> None:
        self._hear(number, "lost")
        self.reasons[number] = reason
        job = self._trial(number)
        expect(job.attempt == 0, f"it lost job {number} twice: {reason}")
        self.queue.append(replace(job, attempt=1, resume=True))

    def on_spent(self, number: int, seconds: Metrics) -> None:
        self._check_thread()
        self.spent[number].append(seconds)

    def tick(self) -> None:
        self._check_thread()

    def _trial(self, number: int) -> Job:
        job = self._live.pop(number)
        expect(isinstance(job, Job), "it lost or suspended the look at candidates")
        assert isinstance(job, Job)
        return job

    def _hear(self, number: int, what: str) -> None:
        self._check_thread()
        expect(number in self._live, f"it tells that job {number} is {what}, and the job is not running")
        self.heard[number].append(what)

    def _check_thread(self) -> None:
        expect(
            threading.get_ident() == self._thread,
            "it calls the director from another thread than the one that called run()",
        )


def _check_ends(director: _Director) -> None:
    expected = {
        RUNS: ["started", "complete"],
        RAISES: ["started", "failed"],
        DIES: ["started", "lost", "started", "complete"],
        STOPS: ["started", "complete"],
        RESTS: ["started", "suspended", "started", "complete"],
        LOOKS: ["started", "complete"],
    }
    doing = {
        RUNS: "that runs to its end", RAISES: "that raises", DIES: "whose process dies at its first attempt",
        STOPS: "that is told to stop", RESTS: "that is suspended and handed out again",
        LOOKS: "that looks at candidates",
    }  # fmt: skip
    for number, events in expected.items():
        heard = director.heard[number]
        expect(heard == events, f"of a job {doing[number]} it told {heard}; expected {events}")
    for number, reason in director.reasons.items():
        good = bool(reason.strip()) and "\n" not in reason
        expect(good, f"the reason of a job {doing[number]} is {reason!r}; expected one line")
    why = director.reasons[RAISES]
    expect("ValueError" in why and "on purpose" in why, f"of a ValueError('on purpose') it told {why!r}")


def _check_look(glances: list[Glance]) -> None:
    wanted = [Glance(1.0, 1.0, 4, 0, 0), Glance(2.0, 2.0, 4, 0, 1), Glance(2.0, 2.0, 8, 0, 1)]
    expect(
        glances == wanted,
        "of a look at two candidates that is told to stop at the first, and that reads the folders that they "
        f"are cut out of, it told {glances}; expected {wanted}",
    )


def _check_epochs(director: _Director) -> None:
    for number in (RUNS, DIES, RESTS):
        told = director.epochs[number]
        new = [epoch for place, epoch in enumerate(told) if epoch not in told[:place]]
        every = list(range(1, EPOCHS + 1))
        expect(new == every, f"of a job of {EPOCHS} epochs it told epochs {told}")
        last = director.metrics[number]["accuracy"]
        expect(last == EPOCHS, f"a job returned accuracy {EPOCHS:g}, and it told {last:g}")
    stopped = director.epochs[STOPS][-1]
    expect(
        stopped < MOST_EPOCHS,
        f"told to stop after epoch {_STOP_AT}, the job ran to its end, epoch {MOST_EPOCHS}",
    )
    rested = director.metrics[RESTS]
    expect(
        rested["began_after"] >= 1,
        "a job that was suspended began anew: what it left in its folder must be there when it goes on",
    )
    expect(
        director.metrics[DIES]["attempt"] == 1, "a job that is handed out again must carry its new attempt"
    )
    for number in (RUNS, DIES, STOPS, RESTS):
        file = director.folder / "trials" / str(number) / LEFT
        expect(file.is_file(), f"a job wrote {LEFT} into its folder, and it is not there after the job's end")
