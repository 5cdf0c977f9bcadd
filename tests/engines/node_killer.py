"""Kills a node of a Ray cluster in the midst of a search, and writes down what came of it."""

from __future__ import annotations

from typing import Any

from lcsearch.engines.base import Metrics, Verdict
from lcsearch.observer import Observer
from lcsearch.records import TrialRecord
from lcsearch.session import Session


class NodeKiller(Observer):
    """Kills a node that is not the head, in the midst of the first trial that gets there."""

    def __init__(self, cluster: Any, session: Session) -> None:
        self._cluster = cluster
        self._nodes = {node.node_id[:6]: node for node in cluster.worker_nodes}
        self._hear = session.search.on_epoch
        session.search.on_epoch = self._on_epoch  # type: ignore[method-assign]
        self._killed = False
        self.victims: list[TrialRecord] = []
        self.workers: list[tuple[int, str]] = []
        self.heard: list[tuple[int, int]] = []

    def _on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        self.heard.append((number, epoch))
        return self._hear(number, epoch, metrics)

    def started(self, record: TrialRecord) -> None:
        self.workers.append((record.number, record.worker.split("/")[1]))

    def epoch(self, record: TrialRecord) -> None:
        node = self._nodes.get(record.worker.split("/")[1])
        if not self._killed and node is not None and len(record.epochs) == 2:
            self._killed = True
            self._cluster.remove_node(node, allow_graceful=False)

    def lost(self, record: TrialRecord, reason: str) -> None:
        self.victims.append(record)
