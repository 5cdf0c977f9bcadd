"""What is private in Ray: that it is there, what is made of it, and that all goes on without it."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import ray.exceptions
from engine_objectives import Steps
from scripted_director import ScriptedDirector, jobs

from lcsearch.core.job import Verdict
from lcsearch.engines import EngineSettings
from lcsearch.engines.ray import private
from lcsearch.engines.ray.engine import RayEngine

pytestmark = pytest.mark.ray

SERVICES = "ray._private.services"
TOKENS = "ray._private.authentication.authentication_token_setup"
CONSTANTS = "ray._private.ray_constants"
WORKER = "ray._private.worker"
VARIABLE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


def remove(patch: pytest.MonkeyPatch, module: str, name: str) -> None:
    patch.delattr(importlib.import_module(module), name)


def test_this_ray_has_every_private_part() -> None:
    """Where one is gone all goes on, and somebody should know."""
    from ray.air.execution._internal import RayActorManager
    from ray.tune.execution.tune_controller import TrialRunnerWrapper, TuneController

    for module, name in (
        (SERVICES, "canonicalize_bootstrap_address_or_die"),
        (TOKENS, "maybe_enable_token_auth_if_token_available"),
        (TOKENS, "ensure_token_if_auth_enabled"),
        (CONSTANTS, "ENABLE_RAY_CLUSTER"),
        (CONSTANTS, "KV_NAMESPACE_CLUSTER"),
        (WORKER, "print_to_stdstream"),
        ("ray._raylet", "GcsClient"),
    ):
        assert hasattr(importlib.import_module(module), name), name
    assert callable(RayActorManager._actor_task_failed) and callable(RayActorManager.is_actor_started)
    assert callable(TuneController._maybe_reuse_cached_actor)
    names = {"_stopped_trials", "_failed_trials", "_trials_to_cache", "_live_trials", "_resetting_trials"}
    held = {*TuneController.__init__.__code__.co_names, *TrialRunnerWrapper.__init__.__code__.co_names}
    assert {*names, "_trial_to_actor", "_actor_manager", "_tune_controller"} - held == set()


def test_an_address_without_the_part_that_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    remove(monkeypatch, SERVICES, "canonicalize_bootstrap_address_or_die")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert private.running_address("10.0.0.1:6379") == "10.0.0.1:6379"
    assert private.running_address("auto") == "auto"
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.2:6379")
    assert private.running_address("auto") == "10.0.0.2:6379"


def test_tokens_without_the_parts_that_take_them(monkeypatch: pytest.MonkeyPatch) -> None:
    remove(monkeypatch, TOKENS, "maybe_enable_token_auth_if_token_available")
    remove(monkeypatch, TOKENS, "ensure_token_if_auth_enabled")
    private.take_token("auto")


def test_loopback_is_switched_by_a_variable_where_the_constant_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    constants = importlib.import_module(CONSTANTS)
    monkeypatch.delenv(VARIABLE, raising=False)
    with private.on_loopback():
        assert constants.ENABLE_RAY_CLUSTER is False and VARIABLE not in os.environ
    assert constants.ENABLE_RAY_CLUSTER is True
    remove(monkeypatch, CONSTANTS, "ENABLE_RAY_CLUSTER")
    with private.on_loopback():
        assert os.environ[VARIABLE] == "0"
    assert VARIABLE not in os.environ


def test_messages_of_the_cluster_go_to_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("ray"), "propagate", True)
    worker: Any = importlib.import_module(WORKER)
    printed = worker.print_to_stdstream
    with private.cluster_messages_logged():
        worker.print_to_stdstream({"pid": "raylet", "lines": ["short", "of memory"]})
    assert set(caplog.messages) == {"raylet: short\nof memory"}
    assert worker.print_to_stdstream is printed
    remove(monkeypatch, WORKER, "print_to_stdstream")
    with private.cluster_messages_logged():
        assert not hasattr(worker, "print_to_stdstream")


@pytest.mark.parametrize("part", ["KV_NAMESPACE_CLUSTER", "GcsClient", ""])
def test_a_cluster_is_asked_for_its_versions(cluster: Any, part: str) -> None:
    """Without a private part, here by another name, it is joined: Ray itself compares versions then."""
    program = private.CLUSTER_VERSIONS.replace(part, "Gone") if part else private.CLUSTER_VERSIONS
    done = subprocess.run(
        [sys.executable, "-c", program, cluster.address],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    answer = done.stdout.splitlines()[-1]
    assert answer == "versions {}" if part else f'"ray_version": "{ray.__version__}"' in answer


class Manager:
    """Stands for Tune's actor manager."""

    def __init__(self) -> None:
        self.seen: list[Exception] = []

    def _actor_task_failed(self, tracked_actor_task: object, exception: Exception) -> None:
        self.seen.append(exception)


class Controller:
    """Stands for Tune's controller."""

    def __init__(self) -> None:
        self._actor_manager = Manager()
        self.trials = ["live", "stopped", "failed"]
        self._stopped_trials, self._failed_trials = {"stopped"}, {"failed"}
        self._trials_to_cache = {"stopped", "live"}

    def get_trials(self) -> list[str]:
        return self.trials


def test_a_worker_out_of_memory_does_not_end_tune() -> None:
    controller = Controller()
    private.TuneController(controller).survive_odd_ends()
    for error in (ray.exceptions.OutOfMemoryError("short of memory"), ray.exceptions.NodeDiedError("gone")):
        controller._actor_manager._actor_task_failed(tracked_actor_task=None, exception=error)
    memory, gone = controller._actor_manager.seen
    assert isinstance(memory, private.WorkerMemoryError) and "short of memory" in str(memory)
    assert isinstance(gone, ray.exceptions.RayActorError)
    assert not isinstance(gone, private.WorkerMemoryError)


def test_ended_trials_are_forgotten() -> None:
    controller = Controller()
    private.TuneController(controller).forget_ended()
    assert controller.trials == ["live"]
    assert controller._trials_to_cache == {"live"}
    assert controller._stopped_trials == controller._failed_trials == set()


@pytest.mark.slow
def test_trials_run_without_any_private_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def gone(holder: object, name: str) -> None:
        asked.append(name)

    monkeypatch.setattr(private, "_part", gone)
    verdicts = {(1, 2): Verdict.STOP, (2, 1): Verdict.SUSPEND}
    director = ScriptedDirector(jobs(tmp_path, 6), lambda number, epoch: verdicts.get((number, epoch)))
    with closing(RayEngine(EngineSettings(tmp_path, jobs=2))) as engine:
        engine.prepare(Steps())
        engine.run(director, Steps(epochs=3, seconds=0))
    assert director.ends == {
        0: "complete", 1: "complete", 2: "suspended", 3: "failed", 4: "complete", 5: "complete",
    }  # fmt: skip
    whole = [1, 2, 3]
    assert [director.epochs(number) for number in range(6)] == [whole, [1, 2], [1], [1], whole, whole]
    assert {"ENABLE_RAY_CLUSTER", "_actor_task_failed", "_stopped_trials"} <= set(asked)
