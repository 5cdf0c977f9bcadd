"""Reaching a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcsearch.engines.base import WorkerStartError
from lcsearch.engines.ray_tune.address import check_cluster, find_address
from lcsearch.engines.ray_tune.settings import RaySettings
from lcsearch.errors import InputError

_REFRESH_SECONDS = 1.0
_SOCKET_PATH_LIMIT = 107
_SESSION_PATH = len("/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store")


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
        temporary: Folder to remove at the end; None where Ray was running before.
        logs: Where to keep what workers wrote, of a Ray that was started here.
    """

    def __init__(
        self, name: str, wanted: dict[str, float], dashboard: str, temporary: Path | None, logs: Path
    ) -> None:
        self.name = name
        self.dashboard = dashboard
        self._wanted = wanted
        self._temporary = temporary
        self._logs = logs
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
        parts = [f"{len(nodes)} node{'s' if len(nodes) != 1 else ''}", f"{cpus:g} CPUs"]
        if gpus:
            parts.append(f"{gpus:g} GPUs")
        text = f"Ray {self.name}: {', '.join(parts)}"
        return f"{text}, dashboard http://{self.dashboard}" if self.dashboard else text

    def close(self) -> None:
        """Leave the cluster; a Ray that was started here ends."""
        import ray

        ray.shutdown()
        if self._temporary is not None:
            _keep_logs(self._temporary, self._logs)
            shutil.rmtree(self._temporary, ignore_errors=True)


def connect(settings: RaySettings, logs: Path) -> Cluster:
    """Reach the cluster of the settings, or start Ray on this machine.

    Args:
        settings: Where and with what.
        logs: Where to keep what workers wrote, of a Ray that is started here.

    Raises:
        InputError: There is no Ray at the address, it is another version, or no node can hold a trial.
        WorkerStartError: Ray does not start on this machine.
    """
    import ray

    if ray.is_initialized():
        raise RuntimeError("this process is connected to Ray already; call ray.shutdown() first")
    cluster = _start(settings, logs) if settings.address is None else _join(settings, logs)
    try:
        _check_size(cluster, settings)
    except BaseException:
        cluster.close()
        raise
    return cluster


def _join(settings: RaySettings, logs: Path) -> Cluster:
    import ray

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
    return Cluster(f"at {address}", settings.resources, context.dashboard_url or "", None, logs)


def _start(settings: RaySettings, logs: Path) -> Cluster:
    import ray

    temporary = _short_folder(settings.temporary)
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
    except BaseException as error:
        ray.shutdown()
        shutil.rmtree(temporary, ignore_errors=True)
        if not isinstance(error, Exception):
            raise
        text = " ".join(str(error).split())
        raise WorkerStartError(f"Ray does not start on this machine: {text}") from error
    return Cluster("on this machine", settings.resources, "", temporary, logs)


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


def _short_folder(parent: Path | None) -> Path:
    """A temporary folder so short that the paths of Ray's sockets stay below the system's limit."""
    folder = Path(tempfile.mkdtemp(prefix="lcs", dir=parent)).resolve()
    if len(str(folder)) + _SESSION_PATH <= _SOCKET_PATH_LIMIT:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="lcs", dir="/tmp"))


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
