"""The actor that Ray Tune starts on a node and keeps from trial to trial."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.cloudpickle
from ray.tune import Trainable

from lcsearch.core.job import Objective, Verdict
from lcsearch.core.stopwatch import worker_began
from lcsearch.engines.ray.driver_place import DriverPlace
from lcsearch.engines.ray.job_thread import JobThread
from lcsearch.engines.ray.messages import Message, Started
from lcsearch.engines.ray.shared_data import Packed, SharesData
from lcsearch.engines.ray.trial_storage import TrialStorage


@dataclass(frozen=True)
class WorkerPlan:
    """What every worker of a run needs; it lies in Ray's object store once per node.

    Attributes:
        objective: Runs a trial; pickled, because a node may find its module only where the driver does.
        data: The objective's data, if it shares them.
        shared: Shared storage; None if workers see the driver's disk.
        driver: Where the driver stands and finds modules.
    """

    objective: bytes
    data: Packed | None
    shared: TrialStorage | None
    driver: DriverPlace


class TrialActor(Trainable):
    """Runs one job after another.

    A call of `step` lets the objective go on to its next epoch and returns what it then reports, so
    that the objective always waits for the search's verdict. Tune's next call means "go on"; any
    other verdict comes through `answer` first.
    """

    def setup(self, config: dict[str, Any], plan: WorkerPlan) -> None:  # type: ignore[override]
        """Make this process a worker of the run."""
        worker_began(time.monotonic_ns())
        self._driver = plan.driver
        self._driver.enter()
        self._shared = plan.shared
        self._objective: Objective = ray.cloudpickle.loads(plan.objective)
        if plan.data is not None and isinstance(self._objective, SharesData):
            self._objective.use_data(plan.data.unpack())
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next job. Tune has moved this process to a folder of its own again."""
        self._driver.enter()
        self._job = new_config["job"].job
        self._thread: JobThread | None = None
        self._verdict = Verdict.GO_ON
        return True

    def answer(self, verdict: Verdict) -> None:
        """Hear the verdict on the epoch that was reported last."""
        self._verdict = verdict

    def step(self) -> dict[str, Any]:
        """Say that the job has begun; after that, go on to the next epoch or the end."""
        return {"message": self._next()}

    def _next(self) -> Message:
        if self._thread is None:
            own = Path(self.logdir)
            self._thread = JobThread(self._job, self._objective, self._shared, own / "files", own.parent)
            return _started()
        verdict, self._verdict = self._verdict, Verdict.GO_ON
        return self._thread.next(verdict)


def _started() -> Started:
    context = ray.get_runtime_context()
    ip = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    return Started(f"{ip}/{context.get_node_id()[:6]}", context.current_actor)
