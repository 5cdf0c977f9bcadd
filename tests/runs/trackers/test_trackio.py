"""What Trackio's store holds of a search, read back and compared with what is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tracker_stores  # says where the store is
from followed_search import Dying, accuracies, fails, search, tried_again
from inline_engine import Killed

from lcsearch.core.errors import InputError
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.runs import trackers
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.trackers import TrackedRun
from lcsearch.search.tracking import tracked

pytest.importorskip("trackio")

import trackio
from trackio.sqlite_storage import SQLiteStorage


def rows(project: str, name: str, value: str) -> list[tuple[int, Any]]:
    return [(row["step"], row[value]) for row in SQLiteStorage.get_logs(project, name) if value in row]


def assert_holds(project: str, group: str, trials: tuple[TrialRecord, ...]) -> None:
    """Every trial is there once, with every epoch once, and its end."""
    runs = {run.name.removeprefix(f"{group}-"): run for run in trackio.Api().runs(project)}
    assert set(runs) == {"search", *(f"trial-{trial.number:04d}" for trial in trials)}
    for trial in trials:
        name = f"trial-{trial.number:04d}"
        full = f"{group}-{name}"
        assert rows(project, full, "accuracy") == accuracies(trial)
        assert rows(project, full, "params") == [(0, trial.params)]
        assert [state for _, state in rows(project, full, "state")] == [trial.state]
        chosen = runs[name].config
        assert chosen is not None and chosen["origin"] == trial.origin and chosen["_Group"] == group
        for layer, spec in trial.spec.model.layers.items():
            assert chosen[f"layers.{layer}.family"] == spec.family
    ended = sorted(trials, key=lambda trial: trial.finished_at or 0)
    shown = [size for _, size in rows(project, f"{group}-search", "trials/params")]
    assert shown == [trial.params for trial in ended]


def test_after_a_kill_everything_is_there_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, project = tmp_path / "run", "killed"
    with pytest.raises(Killed):
        search(run, f"trackio:{project}", Dying(), trials=6)
    group = f"run-{tracked(RunDirectory.open(run), ()).key}"
    assert [epoch for epoch, _ in rows(project, f"{group}-trial-0003", "accuracy")] == [1, 2]
    trials = search(run, f"trackio:{project}", fails, trials=6)
    assert {trial.state for trial in trials} >= {"complete", "failed"}
    assert_holds(project, group, trials)
    kept = tracker_stores.artifacts(project)
    assert {(run / name).read_text() for name in ("best.yaml", "report.html")} <= kept
    assert capsys.readouterr().out == ""


def test_a_training_that_failed_and_is_tried_again_has_its_later_end(tmp_path: Path) -> None:
    name = f"run-abc-{tried_again(tmp_path, 'trackio:again')}"
    assert rows("again", name, "state") == [(2, "complete")]
    assert rows("again", name, "accuracy") == [(1, 10.0), (2, 20.0)]
    assert rows("again", name, "test_accuracy") == [(2, 19.0)]


def test_an_export_is_kept(tmp_path: Path) -> None:
    model = tmp_path / "trial-0.onnx"
    model.write_text("a model that is nowhere else")
    run = TrackedRun("run", "abc", RunRecord(tmp_path, {}, 0, ()))
    trackers.find("trackio")("exports").exported(run, model)
    assert model.read_text() in tracker_stores.artifacts("exports")


def test_what_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^track: trackio:a/b names no project; write letters and digits$"):
        trackers.make(["trackio:a/b"])
    monkeypatch.setenv("TRACKIO_SERVER_URL", "http://127.0.0.1:9?write_token=secret")
    pattern = (
        r"^track: trackio: http://127.0.0.1:9 cannot be reached: .*; without TRACKIO_SERVER_URL it is kept"
    )
    with pytest.raises(InputError, match=pattern):
        trackers.make(["trackio:nets"])
