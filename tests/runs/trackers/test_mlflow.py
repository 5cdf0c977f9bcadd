"""What MLflow's own store holds of a search, read with its client and compared with what is recorded."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from followed_search import Dying, accuracies, fails, search, tried_again
from inline_engine import Killed
from simulated_search import FACTS

from lcsearch.core.config import parse_config
from lcsearch.core.errors import InputError
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.runs import trackers
from lcsearch.runs.read import read_run
from lcsearch.runs.trackers import TrackedRun

pytest.importorskip("mlflow")

from mlflow import MlflowClient

STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "rejected": "FINISHED", "failed": "FAILED"}


def place_in(folder: Path, experiment: str = "") -> str:
    return f"mlflow:sqlite:///{folder}/runs.db{experiment}"


class Store:
    """All that there is of a search."""

    def __init__(self, folder: Path, experiment: str = "lcsearch") -> None:
        self.client = MlflowClient(f"sqlite:///{folder}/runs.db")
        found = self.client.get_experiment_by_name(experiment)
        assert found is not None
        runs = self.client.search_runs([found.experiment_id])
        self.parts = {run.data.tags["lcsearch.part"]: run for run in runs}
        assert len(self.parts) == len(runs)
        self.search = self.parts.pop("search")

    def curve(self, part: str, name: str = "accuracy") -> list[tuple[int, float]]:
        run = self.parts.get(part, self.search)
        return [(one.step, one.value) for one in self.client.get_metric_history(run.info.run_id, name)]

    def text(self, part: str, name: str) -> str:
        run = self.parts.get(part, self.search)
        return Path(self.client.download_artifacts(run.info.run_id, name)).read_text()

    def assert_holds(self, trials: tuple[TrialRecord, ...]) -> None:
        """Every trial once, with every epoch once, and its end."""
        assert set(self.parts) == {f"trial-{trial.number:04d}" for trial in trials}
        for trial in trials:
            name = f"trial-{trial.number:04d}"
            run = self.parts[name]
            assert self.curve(name) == accuracies(trial)
            assert run.data.metrics["params"] == trial.params and run.data.metrics["macs"] == trial.macs
            assert run.data.metrics.get("final_accuracy") == trial.accuracy
            assert (run.info.status, run.data.tags["lcsearch.state"]) == (STATUS[trial.state], trial.state)
            assert run.data.tags["mlflow.parentRunId"] == self.search.info.run_id
            assert run.info.end_time == round(1000 * (trial.finished_at or 0))
        sizes = [(trial.number, trial.params) for trial in trials]
        assert sorted(self.curve("search", "trials/params")) == sizes


def test_after_a_kill_everything_is_there_once(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with pytest.raises(Killed):
        search(tmp_path / "run", place, Dying(), trials=6)
    left = Store(tmp_path)
    assert left.parts["trial-0003"].info.status == left.search.info.status == "KILLED"
    assert [epoch for epoch, _ in left.curve("trial-0003")] == [1, 2]
    left.client.delete_run(left.parts["trial-0001"].info.run_id)
    trials = search(tmp_path / "run", place, fails, trials=6)
    assert {trial.state for trial in trials} >= {"complete", "failed"}
    store = Store(tmp_path)
    store.assert_holds(trials)
    assert store.search.info.run_id == left.search.info.run_id and store.search.info.status == "FINISHED"
    _assert_says_what_was_searched(store, read_run(tmp_path / "run"))


def _assert_says_what_was_searched(store: Store, run: RunRecord) -> None:
    assert yaml.safe_load(store.text("search", "run.yaml")) == run.settings
    assert store.text("search", "best.yaml") == (run.path / "best.yaml").read_text()
    assert store.text("search", "report.html") == (run.path / "report.html").read_text()
    assert store.search.data.params["backbone"] == "base"
    for trial in run.trials:
        name = f"trial-{trial.number:04d}"
        params = store.parts[name].data.params
        for layer, spec in trial.spec.model.layers.items():
            assert params[f"layers.{layer}.family"] == spec.family
        assert params["recipe.lr"] == str(trial.spec.recipe.lr) and params["origin"] == trial.origin
        assert parse_config(yaml.safe_load(store.text(name, "spec.yaml")), "spec").spec.recipe.epochs == 4


def test_specs_of_any_length_are_taken_and_files_may_be_added_later(tmp_path: Path) -> None:
    """MLflow takes 100 parameters at a time, in some letters, of at most 6,000 characters."""
    names = [*(f"block{place}.conv@a" for place in range(120)), "x" * 260]
    layers = {name: LinearSpec(alpha=0.5) for name in names}
    spec = TrialSpec(ModelSpec("b" * 7000, 10, 1, layers=layers))
    trial = TrialRecord(0, "running", "given", "", spec, 10, 20)
    run = TrackedRun("odd", "abc", RunRecord(tmp_path, {"facts": str(FACTS)}, 0, ()))
    place = place_in(tmp_path, "#mine").partition(":")[2]
    tracker = trackers.find("mlflow")(place)
    tracker.start(run)
    tracker.trial_started(trial)
    tracker.close()
    (tmp_path / "trial-0.onnx").write_text("a model")
    trackers.find("mlflow")(place).exported(run, tmp_path / "trial-0.onnx")
    store = Store(tmp_path, "mine")
    params = store.parts["trial-0000"].data.params
    assert params["backbone"] == "b" * 6000
    assert params[f"{'x' * (250 - len('.alpha'))}.alpha"] == "0.5" and len(params) > 242
    assert params["layers.block119.conv_a.alpha"] == "0.5"
    assert store.text("search", "exports/trial-0.onnx") == "a model"
    assert (tmp_path / "mlartifacts" / "mine").is_dir()


def test_a_training_that_failed_and_is_tried_again_has_its_later_end(tmp_path: Path) -> None:
    name = tried_again(tmp_path, place_in(tmp_path))
    store = Store(tmp_path)
    run = store.parts[name]
    assert (run.info.status, run.data.tags["lcsearch.state"]) == ("FINISHED", "complete")
    assert store.curve(name) == [(1, 10.0), (2, 20.0)] and store.curve(name, "test_accuracy") == [(0, 19.0)]
    assert run.data.tags["mlflow.note.content"] == "complete" and run.info.end_time == 102_000


def test_places_are_understood_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ours")
    made = trackers.make(["mlflow:sqlite:///runs.db"])
    assert list(made) == [f"mlflow:sqlite:///{tmp_path}/runs.db#ours"]
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    assert list(trackers.make(made)) == list(made)
    assert {path.name for path in tmp_path.iterdir()} <= {"runs.db"}


def test_what_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # it listens to nothing
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        _refused(
            f"mlflow:{address}", rf"mlflow:{address} cannot be reached: .*; 'mlflow:sqlite:///FILE' needs"
        )
    (tmp_path / "file").write_text("")
    _refused(f"mlflow:sqlite:///{tmp_path}/file/runs.db", "cannot be reached: .*File exists")
    _refused("mlflow:runs", "mlflow:runs is no address; write a tracking URI")
    for place in (
        "https://me:secret@host",
        "postgresql://host/db?user=me&password=secret",
        "https://h?Token=secret",
    ):
        _refused(f"mlflow:{place}", r"^((?!secret).)*has a password or token in it((?!secret).)*$")


def _refused(place: str, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern) as caught:
        trackers.make([place])
    text: Any = str(caught.value)
    assert text.startswith("track: mlflow:") and "\n" not in text
