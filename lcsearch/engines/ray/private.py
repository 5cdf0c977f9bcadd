"""Every use of Ray's private parts, and what is done instead in a Ray that has them no more.

They belong to one version of Ray: each is looked up when it is needed, and tests take each away.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray.exceptions import OutOfMemoryError, RayActorError, RayError, RayTaskError

from lcsearch.core.environment import environment

CLUSTER_VERSIONS = """
import json, sys
try:
    from ray._private.ray_constants import KV_NAMESPACE_CLUSTER
    from ray._raylet import GcsClient
    client = GcsClient(address=sys.argv[1])
    answer = json.loads(client.internal_kv_get(b"CLUSTER_METADATA", namespace=KV_NAMESPACE_CLUSTER) or b"{}")
except (ImportError, AttributeError):
    import ray
    ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
    answer = {}
print("versions", json.dumps(answer))
"""
"""A program that is given HOST:PORT and prints which versions the Ray there runs.

Without the private parts it joins that Ray, which is slower and leaves it to Ray to compare versions.
"""

_ENDED = ("_stopped_trials", "_failed_trials")
"""Where Tune's controller keeps trials that have ended."""


def running_address(address: str) -> str:
    """``HOST:PORT`` of the Ray that an address means, also for ``auto``.

    Without the private part ``auto`` is what RAY_ADDRESS says, and stays ``auto`` where that is not set.

    Raises:
        ConnectionError: None is running on this machine.
        ValueError: It is no address.
        OSError: Likewise.
    """
    find = _part("ray._private.services", "canonicalize_bootstrap_address_or_die")
    if find is not None:
        return str(find(address))
    return os.environ.get("RAY_ADDRESS", address) if address == "auto" else address


def take_token(address: str) -> None:
    """Authenticate as Ray itself would: with ``auto`` wherever there is a token, else as RAY_AUTH_MODE says.

    Without the private part RAY_AUTH_MODE alone decides, when Ray connects.

    Args:
        address: As the user gave it.

    Raises:
        RayError: A token is needed, and there is none.
    """
    module = "ray._private.authentication.authentication_token_setup"
    enable = _part(module, "maybe_enable_token_auth_if_token_available")
    if address == "auto" and enable is not None:
        enable(warn_if_disabled=False)
    ensure = _part(module, "ensure_token_if_auth_enabled")
    if ensure is not None:
        ensure(None, create_token_if_missing=False)


@contextmanager
def on_loopback() -> Iterator[None]:
    """Within it Ray starts its processes on the loopback interface.

    On Linux Ray replaces 127.0.0.1 by the machine's own address, and then listens on every
    interface; where clusters are off, as on Windows and macOS, it takes 127.0.0.1 and listens there
    only. This is that switch. Without it Ray's own setting of this kind is set for its processes.
    """
    module, name = "ray._private.ray_constants", "ENABLE_RAY_CLUSTER"
    gone = _part(module, name) is None
    with environment({"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}) if gone else _replaced(module, name, False):
        yield


@contextmanager
def cluster_messages_logged() -> Iterator[None]:
    """Within it what nodes publish to every driver goes to the log: Ray prints it to stdout from a thread.

    Without the private part it is printed.
    """

    def log(data: Mapping[str, Any], *_: object, **__: object) -> None:
        lines = "\n".join(map(str, data.get("lines", ())))
        logging.getLogger("ray").warning("%s: %s", data.get("pid"), lines)

    with _replaced("ray._private.worker", "print_to_stdstream", log):
        yield


class WorkerMemoryError(RayActorError):
    """Ray ended a worker because its node was short of memory."""


class WorkerGoneError(RayActorError):
    """A worker ended in a way that Ray has a name of its own for."""


class TuneController:
    """Ray Tune's own controller, and the three places where it must be helped.

    Without a part that a method reaches into, the method does nothing, and Tune does as it would.

    Args:
        given: What Tune gives to schedulers.
    """

    def __init__(self, given: Any) -> None:
        self._controller = _part(given, "_tune_controller") or given

    def __getstate__(self) -> dict[str, object]:
        """Nothing: Tune pickles its scheduler into a file that nobody reads."""
        return {}

    def survive_odd_ends(self) -> None:
        """Let Tune survive workers that end with an error that is neither an actor's nor a task's.

        Tune's actor manager raises on those, and so ends the whole experiment, when Ray's memory monitor
        ends one worker (`OutOfMemoryError`) or an actor's environment cannot be set up.
        """
        manager = _part(self._controller, "_actor_manager")
        handle = _part(manager, "_actor_task_failed")
        if handle is None:
            return

        def handle_any(tracked_actor_task: Any, exception: Exception) -> None:
            if isinstance(exception, RayError) and not isinstance(exception, (RayActorError, RayTaskError)):
                kind = WorkerMemoryError if isinstance(exception, OutOfMemoryError) else WorkerGoneError
                exception = kind(error_msg=str(exception))
            handle(tracked_actor_task=tracked_actor_task, exception=exception)

        manager._actor_task_failed = handle_any

    def let_workers_start(self) -> None:
        """Keep Tune from ending a worker that is starting, in favour of one that has become free.

        A free worker would take over the trial that waits for a starting one, which is then ended; the next
        trial starts another, and so on: where trials are shorter than the start of a worker, most slots of
        a cluster are never used. Left alone, the free worker takes the next trial.
        """
        names = ("_maybe_reuse_cached_actor", "_trial_to_actor", "_resetting_trials")
        started = _part(_part(self._controller, "_actor_manager"), "is_actor_started")
        if None not in (started, *(_part(self._controller, name) for name in names)):
            self._controller._maybe_reuse_cached_actor = _ReuseUnlessStarting(self._controller)

    def forget_ended(self) -> None:
        """Let Tune's list of trials grow no longer than the trials that are live.

        Tune keeps every trial, about 33 KB each, and goes through all of them again and again; what is to
        be remembered of a trial is in the study.
        """
        ended = {trial for name in _ENDED for trial in _part(self._controller, name) or ()}
        if not ended:
            return
        trials = self._controller.get_trials()
        trials[:] = [trial for trial in trials if trial not in ended]
        for name in (*_ENDED, "_trials_to_cache", "_live_trials", "_resetting_trials"):
            held = _part(self._controller, name)
            if held is not None:
                held -= ended


class _ReuseUnlessStarting:
    """Tune's own answer, except for a trial whose worker is starting."""

    def __init__(self, controller: Any) -> None:
        self._controller = controller
        self._reuse = controller._maybe_reuse_cached_actor

    def __call__(self, trial: Any) -> bool:
        """Whether a free worker takes this trial."""
        worker = self._controller._trial_to_actor.get(trial)
        resetting = trial in self._controller._resetting_trials
        if worker is not None and not resetting and self._controller._actor_manager.is_actor_started(worker):
            return False
        return bool(self._reuse(trial))

    def __getstate__(self) -> dict[str, object]:
        """Nothing: Tune pickles its controller into a file that nobody reads."""
        return {}


def _part(holder: Any, name: str) -> Any:
    """A private part of a module, which may be given by its name, or of an object; None where it is gone."""
    try:
        return getattr(importlib.import_module(holder) if isinstance(holder, str) else holder, name, None)
    except ImportError:
        return None


@contextmanager
def _replaced(module: str, name: str, value: object) -> Iterator[None]:
    """Within it a private part of Ray is another; nothing happens in a Ray that has it no more."""
    before = _part(module, name)
    if before is None:
        yield
        return
    holder = importlib.import_module(module)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)
