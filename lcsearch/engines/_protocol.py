"""The two sides of running trials: a director says what to run, an engine runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from lcsearch.core.job import Metrics, Objective, Verdict
from lcsearch.core.look import Work
from lcsearch.core.plugins import Kind


class Director(Protocol):
    """Hands out jobs, hears what becomes of them, decides. One thread calls it.

    A job is a trial, or a look at candidates for one: what a worker does that would else be idle. Of a look
    it hears by the same methods, with the look's number and, for epochs, the glances that were made.
    """

    def next_job(self) -> Work | None:
        """What is to run now on a worker that has nothing to do; None while there is nothing to hand out."""

    @property
    def finished(self) -> bool:
        """True once nothing is live and nothing more will be handed out."""

    def on_started(self, number: int, worker: str) -> None:
        """A worker has begun a trial."""

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        """A trial has finished an epoch."""

    def on_complete(self, number: int, metrics: Metrics) -> None:
        """The objective has returned, also after it was told to stop."""

    def on_suspended(self, number: int) -> None:
        """The objective has left with its checkpoint kept."""

    def on_failed(self, number: int, reason: str) -> None:
        """The objective raised: the trial is over."""

    def on_lost(self, number: int, reason: str) -> None:
        """The worker died; the director decides whether the trial is handed out again."""

    def on_spent(self, number: int, seconds: Metrics) -> None:
        """Where a worker's time went for a trial, told before its end where its job is to be measured."""

    def tick(self) -> None:
        """Called at least every second or so: timeouts and the display."""


class Engine(Protocol):
    """Runs trials somewhere: `prepare`, then `run`, and `close` in any case."""

    @property
    def jobs(self) -> int:
        """How many trials run at once, as far as it is known."""

    def prepare(self, objective: Objective) -> None:
        """Check everything that can be checked before the first trial.

        Raises:
            InputError: Trials could not run.
            HaltError: Workers do not start here.
        """

    def run(self, director: Director, objective: Objective) -> None:
        """Run until the director has finished.

        Raises:
            HaltError: Workers do not start, or the disk of one is full.
        """

    def close(self) -> None:
        """End every worker, also in the midst of a trial. May be called twice, and before `prepare`."""

    def describe(self) -> str:
        """Where trials run, in a few words for the display."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What a run says of who runs its trials; each engine takes of it what it knows.

    Attributes:
        folder: Where the engine may keep files of its own; it need not exist.
        jobs: Trials at once; None for as many as there is room for.
        modules: The user's modules that trials import by name.
        ray_address: A running Ray cluster, as ``auto`` or ``HOST:PORT``; None starts Ray on this machine.
        cpus_per_trial: CPUs that Ray reserves for a trial.
        gpus_per_trial: GPUs, or a share of one, that Ray reserves for a trial.
        storage_path: Folder that every node shares, or an fsspec address; needed on several nodes.
        plugins: What trials look up in the registry, by kind and name.
        device: Where trials compute.
    """

    folder: Path
    jobs: int | None = None
    modules: tuple[str, ...] = ()
    ray_address: str | None = None
    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    storage_path: str | None = None
    plugins: tuple[tuple[Kind, str], ...] = ()
    device: str = "cpu"


@runtime_checkable
class EngineMaker(Protocol):
    """Makes the engine of a run."""

    def __call__(self, settings: EngineSettings) -> Engine:
        """Make an engine; nothing is started before its `Engine.prepare`."""
