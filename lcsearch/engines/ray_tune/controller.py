"""The two places where Ray Tune's own controller must be helped.

Both reach into Tune's private parts, and so into one version of it: they stand alone here, do nothing
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

    def handle_any(task: Any, error: Exception) -> None:
        if isinstance(error, RayError) and not isinstance(error, (RayActorError, RayTaskError)):
            kind = WorkerMemoryError if isinstance(error, OutOfMemoryError) else WorkerGoneError
            error = kind(error_msg=str(error))
        handle(task, error)

    manager._actor_task_failed = handle_any


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
