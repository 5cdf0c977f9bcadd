"""What wandb is given where it knows what it was given before: online, which a stand-in plays here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from followed_search import Dying, accuracies, search
from inline_engine import Killed
from tracker_stores import offline_wandb

pytest.importorskip("wandb")

Rows = dict[str, list[tuple[int, Mapping[str, Any]]]]


class Online:
    """A run that the server knows, from behind the last step that it holds.

    Args:
        rows: All that the server holds of it.
    """

    def __init__(self, rows: list[tuple[int, Mapping[str, Any]]]) -> None:
        self.rows = rows
        self.step = rows[-1][0] + 1 if rows else 0
        self.summary: dict[str, Any] = {}

    def log(self, values: Mapping[str, Any], step: int) -> None:
        self.step = step  # it takes more values of this step
        self.rows.append((step, values))

    def log_artifact(self, artifact: object) -> None:
        """It is of no interest here."""

    def finish(self, exit_code: int) -> None:
        """It is of no interest here."""


def test_a_search_that_goes_on_leaves_out_no_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server: Rows = defaultdict(list)
    with offline_wandb(tmp_path / "home"):
        monkeypatch.setattr("wandb.init", lambda **said: Online(server[said["id"].partition("-")[2]]))
        with pytest.raises(Killed):
            search(tmp_path / "run", "wandb:nets", Dying(), trials=5)
        assert [step for step, _ in server["trial-0003"]] == [1, 2]
        trials = search(tmp_path / "run", "wandb:nets", trials=5)
    for trial in trials:
        rows = server[f"trial-{trial.number:04d}"]
        assert [(step, values["accuracy"]) for step, values in rows] == accuracies(trial)
    assert [step for step, _ in server["search"]] == list(range(1, len(trials) + 1))
