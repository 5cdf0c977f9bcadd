"""Reaching a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lcsearch.core.environment import environment
from lcsearch.core.errors import HaltError, InputError
from lcsearch.engines import EngineSettings
from lcsearch.engines.ray.address import check_cluster, find_address, take_token
from lcsearch.engines.ray.cluster import Cluster
from lcsearch.engines.ray.private import on_loopback

LONGEST_FOLDER = 107 - len("/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store")
"""Most letters of the folder of a Ray that is started here: the path of a socket has at most 107."""

_COMMON: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}


@contextmanager
def connected(settings: EngineSettings, temporary: Path, logs: Path) -> Iterator[Cluster]:
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
        if settings.ray_address is None:
            cluster = _start(settings, temporary)
        else:
            cluster = _join(settings.ray_address, _reserved(settings))
        _check_size(cluster)
        yield cluster
    finally:
        ray.shutdown()
        _keep_logs(temporary, logs)


def _join(given: str, resources: dict[str, float]) -> Cluster:
    import ray

    take_token(given)
    address = find_address(given)
    check_cluster(address)
    try:
        context = ray.init(address, **_COMMON)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"{address} has a Ray that this machine cannot join ({text}); "
            f"run 'ray start --address={address}' here first",
            setting="ray_address",
        ) from None
    return Cluster(f"at {address}", resources, context.dashboard_url or "")


def _start(settings: EngineSettings, temporary: Path) -> Cluster:
    import ray

    cpus = max(_own_cpus(), math.ceil((settings.jobs or 1) * settings.cpus_per_trial))
    try:
        with on_loopback(), environment({"RAY_TMPDIR": str(temporary)}):
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, **_COMMON)
    except Exception as error:
        text = " ".join(str(error).split())
        raise HaltError(f"Ray does not start on this machine: {text}") from error
    return Cluster("on this machine", _reserved(settings), "")


def _reserved(settings: EngineSettings) -> dict[str, float]:
    """What one trial reserves, in Ray's names; what is 0 is left out."""
    wanted = {"CPU": float(settings.cpus_per_trial), "GPU": float(settings.gpus_per_trial)}
    return {name: value for name, value in wanted.items() if value > 0}


def _own_cpus() -> int:
    """CPUs that this process may use."""
    found = os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0))
    return max(found, 1)


def _check_size(cluster: Cluster) -> None:
    if cluster.capacity > 0:
        return
    for resource, setting in (("CPU", "cpus_per_trial"), ("GPU", "gpus_per_trial")):
        most = max((node.resources.get(resource, 0.0) for node in cluster.nodes), default=0.0)
        wanted = cluster.wanted.get(resource, 0.0)
        if wanted > most:
            raise InputError(
                f"{wanted:g} is more than any node of Ray {cluster.name} has; at most {most:g}",
                setting=setting,
            )
    together = " and ".join(f"{value:g} {name}" for name, value in cluster.wanted.items())
    raise InputError(f"no node of Ray {cluster.name} has {together} together", setting="gpus_per_trial")


def _keep_logs(temporary: Path, logs: Path) -> None:
    """Keep what workers printed; the rest of Ray's session is of no use any more."""
    for session in temporary.glob("ray/session_2*"):
        for file in sorted(session.glob("logs/worker-*.*")):
            if file.suffix in {".out", ".err"} and _says_something(file):
                logs.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, logs / file.name)


def _says_something(file: Path) -> bool:
    """Whether there is a line that is not one of Ray's marks, such as ``:actor_name:TrialActor``."""
    with file.open(errors="replace") as lines:
        return any(line.strip() and not line.startswith(":") for line in lines)
