"""Searches whose trials depend on others, by the Ray engine: the same ones as by the local engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from outline import outline

from lcsearch.cli.main import call
from lcsearch.core.records import TrialRecord
from lcsearch.core.screened import Screened
from lcsearch.runs.read import read_run

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.long]

_RUN = (
    "run --backbone tiny_net:tiny --dataset digits --train-images 200 --validation-images 100 --epochs 1 "
    "--seed 3 --jobs 1 --device cpu --precision float32"
)


@pytest.fixture(autouse=True)
def in_the_folder_of_the_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's net lies in the current folder."""
    monkeypatch.chdir(Path(__file__).parents[2])


def trials_of(engine: str, more: str, folder: Path) -> Sequence[TrialRecord]:
    out = str(folder / engine)
    assert call([*_RUN.split(), *more.split(), "--engine", engine, "--out", out]) == 0
    return read_run(folder / engine).trials


def test_ray_trains_what_the_local_engine_trains_after_the_same_looks(tmp_path: Path) -> None:
    found = []
    for engine in ("local", "ray"):
        trials = trials_of(engine, "--scratch-below 0 --screen 4 --screen-images 0.2 --trials 22", tmp_path)
        found.append((outline(trials), [trial.screened for trial in trials]))
        looks = [trial.screened for trial in trials if trial.origin == "sampler" and trial.screened]
        assert looks and all(isinstance(one, Screened) and 1 <= one.models <= 4 for one in looks)
    assert found[0] == found[1]


def test_ray_trains_the_same_front_models_on(tmp_path: Path) -> None:
    found = []
    for engine in ("local", "ray"):
        trials = trials_of(engine, "--trials 32 --finish 0.2 --finish-epochs 2", tmp_path)
        last = [trial for trial in trials if trial.continues]
        assert len(last) > 1 and all(len(trial.epochs) == 2 for trial in last)
        assert all(trial.accuracy_before == trials[trial.parent or 0].accuracy for trial in last)
        found.append(outline(trials))
    assert found[0] == found[1]
