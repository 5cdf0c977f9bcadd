"""Ray Tune's question "what next?", answered by the director."""

from __future__ import annotations

from typing import Any

from ray.tune.search import Searcher

from lcsearch.engines.ray.desk import Assignment, Desk


class DirectorSearcher(Searcher):
    """Hands the director's jobs to Tune. The study is the director's: nothing is kept here.

    Args:
        desk: Knows the director.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """The next job as a config; None while there is none now, FINISHED when there will be none."""
        job = self._desk.next_job(trial_id)
        if job is not None:
            return {"job": Assignment(job)}
        if self._desk.finished:
            return str(Searcher.FINISHED)
        self._desk.tick()
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
