"""The actor that Ray Tune starts on a node and keeps from trial to trial."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import ray
from ray.tune import Trainable

from lcsearch.engines.base import Objective, Verdict
from lcsearch.engines.ray_tune.sharing import Packed, SharesData
from lcsearch.engines.ray_tune.worker import JobThread, Message, TrialStorage, tell


@dataclass(frozen=True)
class Plan:
    """What every worker of a run needs; it lies in Ray's object store once per node.

    Attributes:
        objective: Runs a trial.
        data: The objective's data, if it shares them.
        shared: Shared storage; None if workers see the driver's disk.
        folder: The driver's working directory, for relative paths.
    """

    objective: Objective
    data: Packed | None
    shared: TrialStorage | None
    folder: str


class TrialActor(Trainable):  # type: ignore[misc]
    """Runs one job after another.

    A call of `step` lets the objective go on to its next epoch and returns what it then reports, so
    that the objective always waits for the search's verdict. Tune's next call means "go on"; any
    other verdict comes through `answer` first.
    """

    def setup(self, config: dict[str, Any], plan: Plan) -> None:
        """Make this process a worker of the run."""
        if os.path.isdir(plan.folder):  # noqa: PTH112
            os.chdir(plan.folder)
        self._plan = plan
        self._folder = plan.folder
        if plan.data is not None and isinstance(plan.objective, SharesData):
            plan.objective.use_data(plan.data.unpack())
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next job."""
        self._job = new_config["job"].job
        self._thread: JobThread | None = None
        self._verdict = Verdict.GO_ON
        return True

    def answer(self, verdict: Verdict) -> None:
        """Hear the verdict on the epoch that was reported last."""
        self._verdict = verdict

    def step(self) -> dict[str, Any]:
        """Say that the job has begun; after that, go on to the next epoch or the end."""
        if self._thread is None:
            self._thread = JobThread(self._job, self._plan.objective, self._plan.shared)
            return tell(Message("started", text=_worker_name()))
        verdict, self._verdict = self._verdict, Verdict.GO_ON
        return tell(self._thread.next(verdict))


def _worker_name() -> str:
    context = ray.get_runtime_context()
    return f"{ray.util.get_node_ip_address()}/{context.get_node_id()[:6]}"
