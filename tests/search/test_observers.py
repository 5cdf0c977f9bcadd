"""``lcsearch.search(..., observers=[...])``: trackers of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import simulated_objectives as simulated
import yaml
from inline_engine import installed_inline
from spaces import ALPHA_ALONE

import lcsearch
from lcsearch.core.errors import InputError
from lcsearch.core.records import TrialRecord

pytestmark = pytest.mark.slow

ASKED: dict[str, Any] = {
    "backbone": "base", "num_classes": 10, "in_channels": 1, "image_size": 16, "validation_images": 1000,
    "trials": 2, "epochs": 3, "jobs": 1, "engine": "inline", "device": "cpu",
}  # fmt: skip


class Mine(lcsearch.Tracker):
    """Keeps the numbers of trials that have their end."""

    def __init__(self) -> None:
        super().__init__("here")
        self.ended: list[int] = []

    def trial_ended(self, trial: TrialRecord) -> None:
        self.ended.append(trial.number)


class Breaks(lcsearch.Tracker):
    """Fails in the midst of it."""

    def epoch(self, trial: TrialRecord) -> None:
        raise OSError("no space")


def test_they_follow_a_search_and_that_which_goes_on_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, out = Mine(), Mine(), tmp_path / "run"
    with installed_inline(tmp_path):
        for trials, observers in ((2, [Breaks("x"), first]), (3, [second])):
            asked = {**ASKED, "trials": trials, "out": out, "observers": observers}
            run = lcsearch.search(ALPHA_ALONE, simulated.smooth, **asked)
    assert first.ended + second.ended == [trial.number for trial in run.trials]
    said = [line for line in capsys.readouterr().err.splitlines() if "goes on without it" in line]
    assert said == ["observers[0] (Breaks): OSError: no space; the search goes on without it"]
    assert yaml.safe_load((out / "run.yaml").read_text())["settings"]["track"] == []


def test_what_is_no_tracker_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with (
        installed_inline(tmp_path),
        pytest.raises(InputError, match=r"^observers: str is no lcsearch\.Tracker"),
    ):
        lcsearch.search(ALPHA_ALONE, simulated.smooth, **ASKED, out=tmp_path / "run", observers=["wandb:x"])
    assert not (tmp_path / "run").exists()
