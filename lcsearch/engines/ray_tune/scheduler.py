"""Ray Tune's question "go on or stop?", answered by the director."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import ray.cloudpickle
from ray.exceptions import OutOfMemoryError, RayActorError, RayError, RayTaskError
from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from lcsearch.engines.base import Verdict
from lcsearch.engines.ray_tune.desk import Desk


class DirectorScheduler(TrialScheduler):  # type: ignore[misc]
    """Carries results to the director and its verdicts back.

    A trial that is told to stop still returns from its objective, so Tune is always told to go on,
    and the worker hears the verdict before that; Tune stops a trial when its objective is through.

    Args:
        desk: Knows the director.
    """

    _supports_buffered_results = False

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._pending: deque[Trial] = deque()
        self._prepared = False

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Remember a trial that waits for a worker."""
        if not self._prepared:
            self._prepared = True
            survive_odd_ends(tune_controller._tune_controller._actor_manager)
        self._pending.append(trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Pass a worker's message on, and send the verdict if it is not the usual one."""
        message = result["message"]
        verdict = self._desk.hear(trial.trial_id, message)
        if message.kind == "epoch":
            if verdict is not Verdict.GO_ON:
                trial.temporary_state.ray_actor.answer.remote(verdict)
            return str(TrialScheduler.CONTINUE)
        return str(TrialScheduler.CONTINUE if message.kind == "started" else TrialScheduler.STOP)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Tell the director that a worker is gone."""
        error = _error_of(trial)
        if isinstance(error, WorkerOutOfMemory):
            self._desk.failed(trial.trial_id, f"out of memory: {_first_lines(error)}")
        else:
            self._desk.lost(trial.trial_id, f"the worker was lost: {_first_lines(error)}")

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Nothing: the message said so."""

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Tell the director that a trial was taken away before it began."""
        self._desk.lost(trial.trial_id, "the trial was taken from Ray Tune before it began")

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The trial that has waited longest."""
        while self._pending and self._pending[0].status != Trial.PENDING:
            self._pending.popleft()
        return self._pending[0] if self._pending else None

    def debug_string(self) -> str:
        """For Tune's tables."""
        return "decided by the search"


class Pulse(Callback):  # type: ignore[misc]
    """Calls the director's clock as Tune steps.

    Args:
        desk: Knows the director.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Tune steps at least every tenth of a second."""
        self._desk.tick()


class WorkerOutOfMemory(RayActorError):  # type: ignore[misc]
    """Ray ended a worker because its node was short of memory."""


class WorkerGone(RayActorError):  # type: ignore[misc]
    """A worker ended in a way that Ray has a name of its own for."""


def survive_odd_ends(actor_manager: Any) -> None:
    """Let Tune survive workers that end with an error that is neither an actor's nor a task's.

    Tune's actor manager raises on those, and so ends the whole experiment when Ray's memory monitor
    ends one worker (`OutOfMemoryError`) or an actor's environment cannot be set up.
    """
    handle = actor_manager._actor_task_failed

    def handle_any(task: Any, error: Exception) -> None:
        if isinstance(error, RayError) and not isinstance(error, (RayActorError, RayTaskError)):
            kind = WorkerOutOfMemory if isinstance(error, OutOfMemoryError) else WorkerGone
            error = kind(error_msg=str(error))
        handle(task, error)

    actor_manager._actor_task_failed = handle_any


def _error_of(trial: Trial) -> Exception | None:
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        error: Exception = ray.cloudpickle.load(file)
    return error


def _first_lines(error: Exception | None) -> str:
    """Ray's error texts run over pages; their beginning says what happened."""
    text = " ".join(str(error).split()) if error is not None else "no reason given"
    return text if len(text) <= 300 else text[:297] + "..."
