"""A search on Ray that MLflow follows: the driver alone writes, and what goes on goes on in the same runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from inline_engine import installed_inline
from plugin_files import installed

from lcsearch.cli.main import call
from lcsearch.core import plugins
from lcsearch.runs.read import read_run

pytest.importorskip("mlflow")

from mlflow import MlflowClient

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.long]

WRITERS = """
import os
from pathlib import Path
from lcsearch.runs.trackers import Tracker

class Writers(Tracker):
    def epoch(self, trial):
        with Path(self.place).open("a") as file:
            file.write(f"{os.getpid()} {trial.number} {trial.epochs[-1].epoch}\\n")
"""


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[str]:
    """A tracker that says which process tells it of which epoch."""
    (tmp_path / "installed").mkdir()
    entries = {plugins.TRACKER.group: {"writers": "epoch_writers:Writers"}}
    with installed(tmp_path / "installed", "epoch-writers", "1.0", entries, {"epoch_writers": WRITERS}):
        yield f"writers:{tmp_path / 'writers.txt'}"


def test_the_driver_writes_and_goes_on_in_the_same_runs(
    writers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first trial ran in this process, which takes less time than workers of Ray."""
    monkeypatch.chdir(Path(__file__).parents[2])  # where the user's net lies
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run, store = tmp_path / "run", f"sqlite:///{tmp_path}/runs.db"
    (tmp_path / "inline").mkdir()
    with installed_inline(tmp_path / "inline"):
        assert call([
            "run", "--backbone", "tiny_net:tiny", "--dataset", "digits", "--train-images", "200",
            "--validation-images", "100", "--epochs", "2", "--trials", "1", "--init", "scratch",
            "--jobs", "1", "--device", "cpu", "--engine", "inline", "--out", str(run),
            "--track", f"mlflow:{store}",
        ]) == 0  # fmt: skip
    before = ids(store)
    assert set(before) == {"search", "trial-0000"}
    again = ["resume", str(run), "--engine", "ray", "--jobs", "2", "--trials", "4"]
    assert call([*again, "--track", f"mlflow:{store}", "--track", writers]) == 0
    trials = read_run(run).trials
    after = ids(store)
    assert set(after) == {"search", *(f"trial-{trial.number:04d}" for trial in trials)}
    assert {part: after[part] for part in before} == before
    client = MlflowClient(store)
    for trial in trials:
        curve = client.get_metric_history(after[f"trial-{trial.number:04d}"], "accuracy")
        assert [(at.step, at.value) for at in curve] == [
            (done.epoch, pytest.approx(done.accuracy)) for done in trial.epochs
        ]
        tags = client.get_run(after[f"trial-{trial.number:04d}"]).data.tags
        assert tags["mlflow.parentRunId"] == after["search"]
    told = [line.split() for line in (tmp_path / "writers.txt").read_text().splitlines()]
    assert {writer for writer, _, _ in told} == {str(os.getpid())}
    on_ray = [(str(trial.number), str(done.epoch)) for trial in trials[1:] for done in trial.epochs]
    assert sorted((number, epoch) for _, number, epoch in told) == on_ray


def ids(store: str) -> dict[str, str]:
    """The runs in MLflow's store by what they are of."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("lcsearch")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    found = {run.data.tags["lcsearch.part"]: run.info.run_id for run in runs}
    assert len(found) == len(runs)
    return found
