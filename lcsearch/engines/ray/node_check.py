"""Asks every node, before anything starts, whether trials can run there."""

from __future__ import annotations

import importlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcsearch.core import plugins
from lcsearch.core.errors import HaltError, InputError, one_line
from lcsearch.core.plugins import Kind
from lcsearch.engines.ray.driver_place import DriverPlace
from lcsearch.engines.ray.storage import SharedStorage

_SECONDS = 120.0
_AGAIN_SECONDS = 30.0
"""How long a node is asked again that is listed as alive: Ray notices after some 15 s that one was killed."""
_PAUSE_SECONDS = 0.5
_SHIP = "put it at the same path on every node, install it there, or use 'ray job submit --working-dir .'"


@dataclass(frozen=True)
class Question:
    """What a node is asked.

    Attributes:
        modules: Modules that it must be able to import.
        driver: Where the driver stands and finds modules.
        token: Name and content of a file that it must see on the shared storage.
        storage: The shared storage.
        plugins: What it must find in the registry, by kind and name.
    """

    modules: tuple[str, ...]
    driver: DriverPlace
    token: str = ""
    storage: SharedStorage | None = None
    plugins: tuple[tuple[Kind, str], ...] = ()


class _NodeError(Exception):
    """Trials cannot run on a node, in one line."""


def ask_nodes(question: Question, objective: Any, nodes: list[Any], *, started_here: bool = False) -> None:
    """Ask every node; one that dies meanwhile is left out.

    Args:
        question: What to ask.
        objective: What trials will run.
        nodes: `cluster.Node`s.
        started_here: Whether Ray was started on this machine for this run: nobody gave an address then.

    Raises:
        InputError: A node cannot import what trials need, or does not reach the storage; or, at an address
            that was given, a node cannot run trials, or all have died.
        HaltError: A Ray that was started here cannot run trials.
    """
    try:
        _ask(question, objective, nodes)
    except _NodeError as error:
        if started_here:
            raise HaltError(f"Ray on this machine: {error}") from None
        raise InputError(str(error), setting="ray_address") from None


def _ask(question: Question, objective: Any, nodes: list[Any]) -> None:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    blob = dump(objective)
    remote = ray.remote(num_cpus=0, max_retries=0)(_answer)

    def ask(node: Any) -> Any:
        return remote.options(scheduling_strategy=On(node.id, soft=False)).remote(question, blob, node.ip)

    asked = [(node, ask(node)) for node in nodes]
    alive = [_can_run_trials(node, answer, ask) for node, answer in asked]
    if not any(alive):
        ips = ", ".join(sorted({node.ip for node in nodes}))
        raise _NodeError(f"no node is alive any more that was asked: {ips}")


def _can_run_trials(node: Any, answer: Any, ask: Callable[[Any], Any]) -> bool:
    """Wait for a node's answer, and ask it again as long as that may help; False if it has died.

    Raises:
        InputError: It is alive and answers why it cannot run trials.
        _NodeError: It is alive, and does not answer or fails.
    """
    import ray

    end = math.inf
    while True:
        try:
            problem: InputError | None = ray.get(answer, timeout=_SECONDS)
        except ray.exceptions.RayError as error:
            if not _is_alive(node):
                return False
            end = min(end, time.monotonic() + _AGAIN_SECONDS)
            if not _may_pass(error) or time.monotonic() >= end:
                raise _NodeError(f"node {node.ip} {_cause(error)}") from None
            time.sleep(_PAUSE_SECONDS)
            answer = ask(node)
            continue
        if problem is not None:
            raise problem
        return True


def _is_alive(node: Any) -> bool:
    import ray

    listed = ray.nodes()  # type: ignore[no-untyped-call]
    return any(other["Alive"] and other["NodeID"] == node.id for other in listed)


def _may_pass(error: Exception) -> bool:
    """Whether Ray may have failed a task because a node comes or goes.

    Ray's scheduler may hear of a node later than Ray's list, which also shows a node for some seconds after
    it has died; where a node dies in the midst of the task, its worker may seem to have died alone.
    """
    from ray import exceptions

    kinds = (
        exceptions.TaskUnschedulableError, exceptions.NodeDiedError, exceptions.WorkerCrashedError,
        exceptions.LocalRayletDiedError,
    )  # fmt: skip
    return isinstance(error, kinds)


def dump(objective: Any) -> bytes:
    """Pickle an objective.

    Raises:
        InputError: It cannot be pickled.
    """
    import ray.cloudpickle

    try:
        return bytes(ray.cloudpickle.dumps(objective))  # type: ignore[no-untyped-call]
    except Exception as error:
        raise InputError(f"objective: {objective!r} cannot be sent to workers: {one_line(error)}") from None


def _answer(question: Question, objective: bytes, node: str) -> InputError | None:
    """Runs on a node; why trials cannot run there, or None."""
    import ray.cloudpickle

    question.driver.enter()
    for name in question.modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            return InputError(f"{name}: node {node} cannot import it ({one_line(error)}); {_SHIP}")
    for kind, plugin in question.plugins:
        try:
            plugins.find(kind, plugin)
        except InputError as error:
            return InputError(f"node {node}: ", *error.parts, "; install there what the driver has")
    try:
        ray.cloudpickle.loads(objective)
    except Exception as error:
        return InputError(f"objective: node {node} cannot load it ({one_line(error)}); {_SHIP}")
    return _reach(question, node)


def _reach(question: Question, node: str) -> InputError | None:
    if question.storage is None:
        return None
    address = question.storage.address
    try:
        seen = question.storage.read_text(question.token)
        if seen is not None:
            question.storage.write_text(
                f"{Path(question.token).parent}/{os.uname().nodename}-{os.getpid()}", "seen"
            )
    except Exception as error:
        problem = f"{address} is not writable on node {node}: {one_line(error)}"
        return InputError(problem, setting="storage_path")
    if seen is None:
        problem = f"{address} is not shared: node {node} does not see what the driver wrote"
        return InputError(problem, setting="storage_path")
    return None


def _cause(error: Exception) -> str:
    """The last line of Ray's text says what was raised."""
    import ray

    if isinstance(error, ray.exceptions.GetTimeoutError):
        return f"did not answer within {_SECONDS:.0f} s"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"cannot run trials: {lines[-1] if lines else type(error).__name__}"
