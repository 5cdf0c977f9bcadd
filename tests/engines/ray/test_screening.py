"""A search that screens candidates, by the Ray engine: it looks at the same ones as by the local engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from outline import outline

from lcsearch.cli.main import call
from lcsearch.core.screened import Screened
from lcsearch.runs.read import read_run

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.long]

_RUN = (
    "run --backbone tiny_net:tiny --dataset digits --train-images 200 --validation-images 100 --epochs 1 "
    "--seed 3 --jobs 1 --device cpu --precision float32 --screen 4 --screen-images 0.2 --trials 20"
)


def test_ray_trains_what_the_local_engine_trains_after_the_same_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])  # where the user's net lies
    found = []
    for engine in ("local", "ray"):
        assert call([*_RUN.split(), "--engine", engine, "--out", str(tmp_path / engine)]) == 0
        trials = read_run(tmp_path / engine).trials
        found.append((outline(trials), [trial.screened for trial in trials]))
        looks = [trial.screened for trial in trials if trial.origin == "sampler" and trial.screened]
        assert looks and all(isinstance(one, Screened) and 1 <= one.models <= 4 for one in looks)
    assert found[0] == found[1]
