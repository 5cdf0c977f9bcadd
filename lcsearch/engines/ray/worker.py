"""A trial on its worker: the objective in a thread, its folder, and messages for the driver.

This module is imported on every worker: it needs neither torch nor anything of the search.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

from lcsearch.core.errors import HaltError, is_disk_full
from lcsearch.core.job import Job, Metrics, Objective, Suspended, Verdict
from lcsearch.engines.local import describe_error
from lcsearch.engines.ray.starts import fetch_start
from lcsearch.engines.ray.storage import Seen, SharedStorage

Kind = Literal["started", "epoch", "complete", "suspended", "failed", "halt"]


@dataclass(frozen=True)
class Message:
    """What a worker tells the driver.

    Attributes:
        kind: What has happened.
        text: The worker's name (started) or the reason (failed, halt).
        epoch: The finished epoch.
        metrics: Metrics of the epoch, or of the trial (complete).
    """

    kind: Kind
    text: str = ""
    epoch: int = 0
    metrics: Metrics | None = None


@dataclass(frozen=True)
class Surroundings:
    """Where the driver stands and finds modules.

    Attributes:
        folder: Its working directory, for relative paths.
        search_path: Its ``sys.path``.
    """

    folder: str
    search_path: tuple[str, ...]

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process."""
        return cls(str(Path.cwd()), tuple(sys.path))

    def enter(self) -> None:
        """Stand where the driver does, as far as this node has the same folders: as a local worker would."""
        if os.path.isdir(self.folder):  # noqa: PTH112
            os.chdir(self.folder)
        for place in (self.folder, *self.search_path):
            if place and place not in sys.path and os.path.exists(place):  # noqa: PTH110
                sys.path.append(place)


@dataclass(frozen=True)
class TrialStorage:
    """Where trial folders are kept when workers do not see the driver's disk.

    Attributes:
        storage: The shared storage.
        prefix: The run's folder in it.
    """

    storage: SharedStorage
    prefix: str

    def name(self, job: Job) -> str:
        """The shared folder of a trial."""
        return f"{self.prefix}/{job.number}"


class Folder:
    """A trial's folder on this node, kept equal to the shared one where there is one.

    Args:
        job: The trial.
        shared: Shared storage; None if the worker sees the driver's disk.
        scratch: Folder for this node's copy.
    """

    def __init__(self, job: Job, shared: TrialStorage | None, scratch: Path) -> None:
        self._shared = shared
        self._job = job
        self._seen: Seen = {}
        if shared is None:
            self.path = Path(job.directory)
            self.path.mkdir(parents=True, exist_ok=True)
            return
        self.path = scratch
        self.path.mkdir(parents=True, exist_ok=True)
        if job.resume:
            self._seen = shared.storage.pull(shared.name(job), self.path)
        else:
            shared.storage.remove(shared.name(job))

    def push(self) -> None:
        """Bring what the objective has written to the shared storage."""
        if self._shared is not None:
            self._shared.storage.push(self.path, self._shared.name(self._job), self._seen)

    def close(self) -> None:
        """Remove this node's copy."""
        if self._shared is not None:
            shutil.rmtree(self.path, ignore_errors=True)


class JobThread:
    """Runs one job in a thread, one message at a time.

    Args:
        job: What to run.
        objective: Runs it.
        shared: Shared storage; None if the worker sees the driver's disk.
        scratch: Folder for this node's copy of the trial's folder.
        node: Folder that all workers of this node share; None for the one that scratch lies in.
    """

    def __init__(
        self,
        job: Job,
        objective: Objective,
        shared: TrialStorage | None,
        scratch: Path,
        node: Path | None = None,
    ) -> None:
        self._job = job
        self._objective = objective
        self._shared = shared
        self._scratch = scratch
        self._node = node
        self._out: SimpleQueue[Message] = SimpleQueue()
        self._in: SimpleQueue[Verdict] = SimpleQueue()
        self._waits = False
        threading.Thread(target=self._run, daemon=True, name=f"trial-{job.number}").start()

    def next(self, verdict: Verdict) -> Message:
        """Wait for the next message.

        Args:
            verdict: The answer to the epoch before; ignored if there was none.
        """
        if self._waits:
            self._in.put(verdict)
        message = self._out.get()
        self._waits = message.kind == "epoch"
        return message

    def _run(self) -> None:
        disk = "the disk" if self._shared is None else f"the disk of node {socket.gethostname()}"
        self._out.put(_guarded(self._train, disk))

    def _train(self) -> Message:
        folder = Folder(self._job, self._shared, self._scratch)

        def report(epoch: int, metrics: Metrics) -> bool:
            folder.push()
            self._out.put(Message("epoch", epoch=epoch, metrics=dict(metrics)))
            verdict = self._in.get()
            if verdict is Verdict.SUSPEND:
                raise Suspended
            return verdict is Verdict.GO_ON

        try:
            job = fetch_start(self._job, self._shared, self._node or self._scratch.parent)
            job = replace(job, directory=str(folder.path))
            metrics = self._objective(job, report)
            folder.push()
            return Message("complete", metrics=dict(metrics))
        finally:
            folder.close()


def _guarded(train: Callable[[], Message], disk: str) -> Message:
    """Turn every way out of an objective into a message.

    A full disk halts the run, wherever it is: no other trial would fare better on it, and all of them
    can go on where they were once there is room.

    Args:
        train: Runs the objective.
        disk: What users call the disk that it writes to.
    """
    try:
        return train()
    except Suspended:
        return Message("suspended")
    except MemoryError:
        return Message("failed", "out of memory")
    except HaltError as error:
        return Message("halt", str(error))
    except Exception as error:
        if is_disk_full(error):
            return Message("halt", f"{disk} is full")
        return Message("failed", describe_error(error))
    except BaseException as error:  # a thread that only ended would leave the driver waiting
        return Message("failed", f"the objective left with {type(error).__name__}: {error}")


def tell(message: Message) -> dict[str, Any]:
    """A message as a result of Ray Tune, which wants a mapping."""
    return {"message": message}
