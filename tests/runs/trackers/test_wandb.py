"""What wandb keeps offline of a search, read from its files and compared with what is recorded."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from followed_search import Dying, accuracies, fails, search, tried_again
from inline_engine import Killed
from tracker_stores import offline_wandb

from lcsearch.core.errors import InputError
from lcsearch.core.records import TrialRecord
from lcsearch.runs import trackers
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.runs.trackers import TrackedRun
from lcsearch.search import tracking

pytest.importorskip("wandb")

from wandb_files import about, config, files_of, history, records, summary


@pytest.fixture(autouse=True)
def offline(tmp_path: Path) -> Iterator[None]:
    with offline_wandb(tmp_path / "home"):
        yield


def key_of(run: Path) -> str:
    return tracking.tracked(RunDirectory.open(run), ()).key


def assert_holds(run: Path, trials: tuple[TrialRecord, ...]) -> None:
    """Every trial is in one file, with every epoch once, and its end."""
    key = key_of(run)
    names = {path.name.partition(f"{key}-")[2] for path in (run / "wandb").glob(f"offline-run-*-{key}-*")}
    assert names == {"search", *(f"trial-{trial.number:04d}" for trial in trials)}
    for trial in trials:
        name = f"{key}-trial-{trial.number:04d}"
        rows = [(row["_step"], row["accuracy"]) for row in history(run, name)]
        assert rows == accuracies(trial)
        found = summary(run, name)
        assert (found["params"], found["macs"], found["state"]) == (trial.params, trial.macs, trial.state)
        assert found.get("final_accuracy") == trial.accuracy
        assert about(run, name).run_group == f"run-{key}" and about(run, name).job_type == "trial"
        chosen = config(run, name)
        assert chosen["origin"] == trial.origin and chosen["recipe.lr"] == trial.spec.recipe.lr
        for layer, spec in trial.spec.model.layers.items():
            assert chosen[f"layers.{layer}.family"] == spec.family
    ended = sorted(trials, key=lambda trial: trial.finished_at or 0)
    shown = [row["trials/params"] for row in history(run, f"{key}-search")]
    assert shown == [trial.params for trial in ended]


def test_after_a_kill_everything_is_there_once(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(Killed):
        search(run, "wandb:team/nets", Dying(), trials=6)
    key = key_of(run)
    assert [row["_step"] for row in history(run, f"{key}-trial-0003")] == [1, 2]
    written = files_of(run, f"{key}-trial-0001")
    trials = search(run, "wandb:team/nets", fails, trials=6)
    assert {trial.state for trial in trials} >= {"complete", "failed"}
    assert_holds(run, trials)
    assert files_of(run, f"{key}-trial-0001") == written, "what has its end is not written again"
    assert about(run, f"{key}-search").project == "nets" and about(run, f"{key}-search").entity == "team"
    assert config(run, f"{key}-search")["backbone"] == "base"
    assert _artifacts(run, f"{key}-search") == {(f"run-{key}", ("best.yaml", "report.html"))}


def test_a_training_that_failed_and_is_tried_again_has_its_later_end(tmp_path: Path) -> None:
    name = f"abc-{tried_again(tmp_path, 'wandb:nets')}"
    assert [(row["_step"], row["accuracy"]) for row in history(tmp_path, name)] == [(1, 10.0), (2, 20.0)]
    found = summary(tmp_path, name)
    assert (found["state"], found["result"], found["test_accuracy"]) == ("complete", "complete", 19.0)


def _artifacts(run: Path, name: str) -> set[tuple[str, tuple[str, ...]]]:
    (file,) = files_of(run, name)
    kept = [
        one.request.log_artifact.artifact
        for one in records(file)
        if one.WhichOneof("record_type") == "request"
    ]
    kept += [one.artifact for one in records(file) if one.WhichOneof("record_type") == "artifact"]
    return {
        (one.name, tuple(sorted(entry.path for entry in one.manifest.contents))) for one in kept if one.name
    }


def test_an_export_is_an_artifact_of_its_own_run(tmp_path: Path) -> None:
    search(tmp_path / "run", "wandb:nets", trials=1)
    model = tmp_path / "trial-0.onnx"
    model.write_text("a model")
    record = read_run(tmp_path / "run")
    trackers.find("wandb")("nets").exported(TrackedRun("run", "abc", record), model)
    files = files_of(tmp_path / "run", "*")
    runs = [one.run for file in files for one in records(file) if one.WhichOneof("record_type") == "run"]
    assert [one.display_name for one in runs if one.job_type == "export"] == ["export trial-0.onnx"]


def test_what_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    for place in ("a/b/c", "team/", "what?"):
        with pytest.raises(
            InputError, match=r"^track: wandb:.* names no project; write PROJECT or ENTITY/PROJECT$"
        ):
            trackers.make([f"wandb:{place}"])
    monkeypatch.setenv("WANDB_MODE", "online")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # it listens to nothing
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setenv("WANDB_BASE_URL", address)
        wandb.teardown()
        try:
            with pytest.raises(
                InputError, match=f"^track: wandb: {address} cannot be reached: .*WANDB_MODE=offline"
            ):
                trackers.make(["wandb:nets"])
        finally:
            monkeypatch.undo()
            wandb.teardown()
