"""Ray Tune's question "go on or stop?", answered by the director."""

from __future__ import annotations

import errno
from collections import deque
from pathlib import Path
from typing import Any

import ray.cloudpickle
from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import TrialScheduler

from lcsearch.core.job import Verdict
from lcsearch.engines import Ending
from lcsearch.engines.ray.dispatcher import Dispatcher
from lcsearch.engines.ray.messages import Message, Started
from lcsearch.engines.ray.private import TuneController, WorkerMemoryError


class DirectorScheduler(TrialScheduler):
    """Carries results to the director and its verdicts back.

    A trial that is told to stop still returns from its objective, so Tune is always told to go on,
    and the worker hears the verdict before that; Tune stops a trial when its objective is through.

    Args:
        dispatcher: Knows the director.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._dispatcher = dispatcher
        self._pending: deque[Trial] = deque()
        self._actors: dict[str, Any] = {}
        self._controller: TuneController | None = None

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Remember a trial that waits for a worker."""
        if self._controller is None:
            self._controller = TuneController(tune_controller)
            self._controller.survive_odd_ends()
            self._controller.let_workers_start()
        self._pending.append(trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Pass a worker's message on, and send the verdict if it is not the usual one."""
        message: Message = result["message"]
        verdict = self._dispatcher.hear(trial.trial_id, message)
        if isinstance(message, Ending):
            self._actors.pop(trial.trial_id, None)
            return str(TrialScheduler.STOP)
        if isinstance(message, Started):
            self._actors[trial.trial_id] = message.actor
        elif verdict is not None and verdict is not Verdict.GO_ON:
            self._actors[trial.trial_id].answer.remote(verdict)
        return str(TrialScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Tell the director that a worker is gone."""
        self._actors.pop(trial.trial_id, None)
        error = _error_of(trial)
        if _disk_full(error):
            reason = f"the disk of a worker is full: {_first_lines(error)}"
            self._dispatcher.hear(trial.trial_id, Ending("halted", reason))
        elif isinstance(error, WorkerMemoryError):
            self._dispatcher.hear(trial.trial_id, Ending("failed", f"out of memory: {_first_lines(error)}"))
        else:
            self._dispatcher.lost(trial.trial_id, f"the worker was lost: {_first_lines(error)}")

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Nothing: the message said so."""

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Tell the director that a trial was taken away before it began."""
        self._dispatcher.lost(trial.trial_id, "the trial was taken from Ray Tune before it began")

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The trial that has waited longest."""
        while self._pending and self._pending[0].status != Trial.PENDING:
            self._pending.popleft()
        return self._pending[0] if self._pending else None

    def tidy(self) -> None:
        """Let go of trials that have ended."""
        if self._controller is not None:
            self._controller.forget_ended()

    def debug_string(self) -> str:
        """For Tune's tables."""
        return "decided by the search"


class EveryStep(TrialProgressCallback):
    """Does what has to be done again and again as Tune steps.

    It stands in the place of the callback that Tune adds otherwise, which keeps every trial for good.

    Args:
        dispatcher: Knows the director.
        scheduler: Knows Tune.
    """

    def __init__(self, dispatcher: Dispatcher, scheduler: DirectorScheduler) -> None:
        super().__init__()
        self._dispatcher = dispatcher
        self._scheduler = scheduler

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Tune steps at least every tenth of a second."""
        self._dispatcher.tick()
        self._scheduler.tidy()

    def log_result(self, trial: Trial, result: dict[str, Any], error: bool = False) -> None:
        """Nothing: the director's display says it."""

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Nothing is kept."""


def _error_of(trial: Trial) -> Exception | None:
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        error: Exception = ray.cloudpickle.load(file)
    return error


def _disk_full(error: Exception | None) -> bool:
    """Whether a worker could not even begin, for want of room on its node: Ray gives the cause as text."""
    return any(f"[Errno {code}]" in str(error) for code in (errno.ENOSPC, errno.EDQUOT))


def _first_lines(error: Exception | None) -> str:
    """Ray's error texts run over pages; their beginning says what happened."""
    text = " ".join(str(error).split()) if error is not None else "no reason given"
    return text if len(text) <= 300 else text[:297] + "..."
