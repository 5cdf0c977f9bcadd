"""Kills a node of a Ray cluster in the midst of a search, and writes down what came of it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from ray_objectives import Idle

from lcsearch.core.job import Metrics, Verdict
from lcsearch.core.records import TrialRecord
from lcsearch.search.observer import Observer
from lcsearch.search.session import Session


def kill_node(cluster: Any, node: Any) -> None:
    """Kill a node with its workers, as a machine takes them along: alone they go on for some seconds."""
    raylet = node.all_processes["raylet"][0].process.pid
    children = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
    cluster.remove_node(node, allow_graceful=False)
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


class NodeKiller(Observer):
    """Kills a node that is not the head, in the midst of the first trial that gets there.

    Until that trial has begun, the head has no room: its worker might be up first and run all trials.
    """

    def __init__(self, cluster: Any, session: Session) -> None:
        self._cluster = cluster
        self._nodes = {node.node_id[:6]: node for node in cluster.worker_nodes}
        self._hear = session.search.on_epoch
        session.search.on_epoch = self._on_epoch  # type: ignore[method-assign]
        self._killed = False
        self._room = _take_room(cluster.head_node.node_id)
        self.victims: list[TrialRecord] = []
        self.workers: list[tuple[int, str]] = []
        self.heard: list[tuple[int, int]] = []

    def _on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        self.heard.append((number, epoch))
        return self._hear(number, epoch, metrics)

    def started(self, record: TrialRecord) -> None:
        node = record.worker.split("/")[1]
        self.workers.append((record.number, node))
        if self._room is not None and node in self._nodes:
            ray.kill(self._room)
            self._room = None

    def epoch(self, record: TrialRecord) -> None:
        node = self._nodes.get(record.worker.split("/")[1])
        if not self._killed and node is not None and len(record.epochs) == 2:
            self._killed = True
            kill_node(self._cluster, node)

    def lost(self, record: TrialRecord, reason: str) -> None:
        self.victims.append(record)


def _take_room(node: str) -> Any:
    """An actor that takes the CPU of a node for itself."""
    there = NodeAffinitySchedulingStrategy(node, soft=False)
    idle = ray.remote(num_cpus=1)(Idle).options(scheduling_strategy=there).remote()
    assert ray.get(idle.is_there.remote())
    return idle
