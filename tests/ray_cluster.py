"""A real Ray cluster on this machine, whose nodes come, go and die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine_objectives
from scripted_director import ScriptedDirector

from lcsearch import engines
from lcsearch.core.job import Objective
from lcsearch.engines import Engine, EngineSettings


@contextmanager
def two_nodes() -> Iterator[Any]:
    """A cluster with one CPU on each node; that one was killed is noticed after 5 seconds, not 15."""
    import ray.cloudpickle
    from ray.cluster_utils import Cluster

    ray.cloudpickle.register_pickle_by_value(engine_objectives)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    often = {"health_check_period_ms": 1000}
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": often}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1)
    try:
        yield cluster
    finally:
        cluster.shutdown()
        ray.cloudpickle.unregister_pickle_by_value(engine_objectives)


def kill_node(cluster: Any, node: Any) -> None:
    """Kill a node with its workers, as a machine takes them along: alone they go on for some seconds.

    Held are the processes themselves, as another may have got the number of one that has ended.
    """
    raylet = node.all_processes["raylet"][0].process.pid
    numbers = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
    children = [os.pidfd_open(int(number)) for number in numbers]
    cluster.remove_node(node, allow_graceful=False)
    for child in children:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(child, signal.SIGKILL)
        os.close(child)


@dataclass
class Place:
    """Folders of one test, and engines for it.

    Attributes:
        run: The run directory.
        shared: What all nodes see.
        address: The cluster's.
    """

    run: Path
    shared: Path
    address: str

    def engine(self, **changes: Any) -> Engine:
        values: dict[str, Any] = {"ray_address": self.address, "storage_path": str(self.shared)} | changes
        return engines.find("ray")(EngineSettings(self.run, **values))

    def search(self, director: ScriptedDirector, objective: Objective, **changes: Any) -> None:
        with closing(self.engine(**changes)) as engine:
            engine.prepare(objective)
            engine.run(director, objective)
