"""Ray Tune's question "what next?", answered by the director."""

from __future__ import annotations

from typing import Any

from ray.tune.search import Searcher

from lcsearch.engines.ray.dispatcher import Assignment, Dispatcher


class DirectorSearcher(Searcher):
    """Hands the director's jobs to Tune. The study is the director's: nothing is kept here.

    Args:
        dispatcher: Knows the director.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__()
        self._dispatcher = dispatcher

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """The next job as a config; None while there is none now, FINISHED when there will be none."""
        job = self._dispatcher.next_job(trial_id)
        if job is not None:
            return {"job": Assignment(job)}
        if self._dispatcher.finished:
            return str(Searcher.FINISHED)
        self._dispatcher.tick()
        return None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Nothing: the scheduler has told the director."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a restart reads the study."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: a restart reads the study."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Nothing: a restart reads the study."""
