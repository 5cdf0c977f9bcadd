"""Reaching a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcsearch.core.errors import HaltError, InputError
from lcsearch.engines.ray.address import check_cluster, find_address, take_token
from lcsearch.engines.ray.settings import RaySettings

_REFRESH_SECONDS = 1.0
LONGEST_FOLDER = 107 - len("/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store")
"""Most letters of the folder of a Ray that is started here: the path of a socket has at most 107."""


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
        wanted: What a trial reserves.
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


@contextmanager
def connected(settings: RaySettings, temporary: Path, logs: Path) -> Iterator[Cluster]:
    """Be connected to the cluster of the settings, or to a Ray that is started on this machine for it.

    Args:
        settings: Where and with what.
        temporary: For the files of a Ray that is started here.
        logs: Where to keep what workers wrote, of a Ray that is started here.

    Yields:
        The cluster. A Ray that was started here ends with it.

    Raises:
        InputError: There is no Ray at the address, it is another version, or no node can hold a trial.
        HaltError: Ray does not start on this machine.
    """
    import ray

    if ray.is_initialized():
        raise RuntimeError("this process is connected to Ray already; call ray.shutdown() first")
    try:
        cluster = _start(settings, temporary) if settings.address is None else _join(settings)
        _check_size(cluster, settings)
        yield cluster
    finally:
        ray.shutdown()
        _keep_logs(temporary, logs)


def _join(settings: RaySettings) -> Cluster:
    import ray

    take_token(str(settings.address))
    address = find_address(str(settings.address))
    check_cluster(address)
    try:
        context = ray.init(address, runtime_env=dict(settings.runtime_env) or None, **_COMMON)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"--ray-address: {address} has a Ray that this machine cannot join ({text}); "
            f"run 'ray start --address={address}' here first"
        ) from None
    return Cluster(f"at {address}", settings.resources, context.dashboard_url or "")


def _start(settings: RaySettings, temporary: Path) -> Cluster:
    import ray

    cpus = max(
        os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0)), 1
    )
    cpus = max(cpus, math.ceil((settings.jobs or 1) * settings.cpus_per_trial))
    try:
        with _loopback():
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=False,
                runtime_env=dict(settings.runtime_env) or None,
                _temp_dir=str(temporary),
                **_COMMON,
            )
    except Exception as error:
        text = " ".join(str(error).split())
        raise HaltError(f"Ray does not start on this machine: {text}") from error
    return Cluster("on this machine", settings.resources, "")


_COMMON: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}


@contextmanager
def _loopback() -> Iterator[None]:
    """Within it Ray starts its processes on the loopback interface.

    On Linux Ray replaces 127.0.0.1 by the machine's own address, and then listens on every
    interface; where clusters are off, as on Windows and macOS, it takes 127.0.0.1 and listens there
    only. This is that switch.
    """
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _check_size(cluster: Cluster, settings: RaySettings) -> None:
    if cluster.capacity > 0:
        return
    for resource, option in (("CPU", "--cpus-per-trial"), ("GPU", "--gpus-per-trial")):
        most = max((node.resources.get(resource, 0.0) for node in cluster.nodes), default=0.0)
        wanted = settings.resources.get(resource, 0.0)
        if wanted > most:
            raise InputError(
                f"{option}: {wanted:g} is more than any node of Ray {cluster.name} has; at most {most:g}"
            )
    wanted_text = " and ".join(f"{value:g} {name}" for name, value in settings.resources.items())
    raise InputError(f"--gpus-per-trial: no node of Ray {cluster.name} has {wanted_text} together")


def _many(count: float, what: str) -> str:
    return f"{count:g} {what}{'' if count == 1 else 's'}"


def _keep_logs(temporary: Path, logs: Path) -> None:
    """Keep what workers printed; the rest of Ray's session is of no use any more."""
    for session in temporary.glob("session_2*"):
        for file in sorted(session.glob("logs/worker-*.*")):
            if file.suffix in {".out", ".err"} and _says_something(file):
                logs.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, logs / file.name)


def _says_something(file: Path) -> bool:
    """Whether there is a line that is not one of Ray's marks, such as ``:actor_name:TrialActor``."""
    with file.open(errors="replace") as lines:
        return any(line.strip() and not line.startswith(":") for line in lines)
