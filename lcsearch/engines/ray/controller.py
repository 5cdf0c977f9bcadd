"""The three places where Ray Tune's own controller must be helped.

They reach into Tune's private parts, and so into one version of it: they stand alone here, do nothing
if the part is gone, and have tests that fail then.
"""

from __future__ import annotations

from typing import Any

from ray.exceptions import OutOfMemoryError, RayActorError, RayError, RayTaskError


class WorkerMemoryError(RayActorError):
    """Ray ended a worker because its node was short of memory."""


class WorkerGoneError(RayActorError):
    """A worker ended in a way that Ray has a name of its own for."""


def survive_odd_ends(controller: Any) -> None:
    """Let Tune survive workers that end with an error that is neither an actor's nor a task's.

    Tune's actor manager raises on those, and so ends the whole experiment, when Ray's memory monitor
    ends one worker (`OutOfMemoryError`) or an actor's environment cannot be set up.
    """
    manager = getattr(controller, "_actor_manager", None)
    handle = getattr(manager, "_actor_task_failed", None)
    if manager is None or handle is None:
        return

    def handle_any(tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, RayError) and not isinstance(exception, (RayActorError, RayTaskError)):
            kind = WorkerMemoryError if isinstance(exception, OutOfMemoryError) else WorkerGoneError
            exception = kind(error_msg=str(exception))
        handle(tracked_actor_task=tracked_actor_task, exception=exception)

    manager._actor_task_failed = handle_any


def let_workers_start(controller: Any) -> None:
    """Keep Tune from ending a worker that is starting, in favour of one that has become free.

    A free worker would take over the trial that waits for a starting one, which is then ended; the next
    trial starts another, and so on: where trials are shorter than the start of a worker, most slots of
    a cluster are never used. Left alone, the free worker takes the next trial.
    """
    if hasattr(controller, "_maybe_reuse_cached_actor") and hasattr(controller, "_trial_to_actor"):
        controller._maybe_reuse_cached_actor = _ReuseUnlessStarting(controller)


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


def forget_ended(controller: Any) -> None:
    """Let Tune's list of trials grow no longer than the trials that are live.

    Tune keeps every trial, about 33 KB each, and goes through all of them again and again; what is to
    be remembered of a trial is in the study.
    """
    ended = {*getattr(controller, "_stopped_trials", ()), *getattr(controller, "_failed_trials", ())}
    if not ended:
        return
    trials = controller.get_trials()
    trials[:] = [trial for trial in trials if trial not in ended]
    for name in (
        "_stopped_trials",
        "_failed_trials",
        "_trials_to_cache",
        "_live_trials",
        "_resetting_trials",
    ):
        kept = getattr(controller, name, None)
        if kept is not None:
            kept -= ended
