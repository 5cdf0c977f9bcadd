"""The Ray cluster that this process is connected to: its machines, and how many trials they take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

_REFRESH_SECONDS = 1.0


@dataclass(frozen=True)
class Node:
    """A machine of the cluster.

    Attributes:
        id: Ray's name for it.
        ip: Its address in the cluster.
        resources: What it has in all, in Ray's names.
    """

    id: str
    ip: str
    resources: dict[str, float]

    def fits(self, wanted: dict[str, float]) -> int:
        """How many trials of these resources it takes when idle."""
        shares = (self.resources.get(name, 0.0) / value for name, value in wanted.items())
        return min(math.floor(share + 1e-9) for share in shares)


class Cluster:
    """The cluster that this process is connected to.

    Args:
        name: What the display calls it.
        wanted: What a trial reserves, in Ray's names.
        dashboard: Address of Ray's dashboard; empty if there is none.
    """

    def __init__(self, name: str, wanted: dict[str, float], dashboard: str) -> None:
        self.name = name
        self.dashboard = dashboard
        self._wanted = wanted
        self._looked = -math.inf
        self._nodes: list[Node] = []

    @property
    def nodes(self) -> list[Node]:
        """The machines that are alive, as of the last second."""
        import ray

        if time.monotonic() - self._looked >= _REFRESH_SECONDS:
            self._nodes = [
                Node(node["NodeID"], node["NodeManagerAddress"], node["Resources"])
                for node in ray.nodes()  # type: ignore[no-untyped-call]
                if node["Alive"]
            ]
            self._looked = time.monotonic()
        return self._nodes

    @property
    def wanted(self) -> dict[str, float]:
        """What a trial reserves, in Ray's names."""
        return self._wanted

    def stay_here(self) -> None:
        """Let trials run on this machine only, whatever joins: others do not see its disk."""
        import ray

        ip = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        self._wanted = {**self._wanted, f"node:{ip}": 0.001}

    @property
    def capacity(self) -> int:
        """How many trials the cluster takes at once when nobody else uses it."""
        return sum(node.fits(self._wanted) for node in self.nodes)

    def describe(self) -> str:
        """Nodes and resources in a few words."""
        nodes = self.nodes
        cpus, gpus = (sum(node.resources.get(name, 0.0) for node in nodes) for name in ("CPU", "GPU"))
        parts = [_many(len(nodes), "node"), _many(cpus, "CPU")]
        if gpus:
            parts.append(_many(gpus, "GPU"))
        text = f"Ray {self.name}: {', '.join(parts)}"
        return f"{text}, dashboard http://{self.dashboard}" if self.dashboard else text


def _many(count: float, what: str) -> str:
    return f"{count:g} {what}{'' if count == 1 else 's'}"
