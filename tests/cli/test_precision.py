"""The precision of a run that is left to us: what was measured decides, and a run keeps it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_engine import installed_inline

from lcsearch.cli.main import call
from lcsearch.core.precision import StepTimes
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.sizer import Sizer
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.runs.settings import RunSettings
from lcsearch.search.precision import measured
from lcsearch.search.workers import make_objective

RUN = (
    "run --backbone base --dataset digits --image-size 8 --train-images 64 --validation-images 50 "
    "--trials 1 --epochs 1 --device cpu --engine inline --init scratch"
)


@pytest.fixture(scope="module", autouse=True)
def in_this_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed_inline(tmp_path_factory.mktemp("installed")):
        yield


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path))
    return tmp_path / "precision"


def precisions(run: Path) -> list[str]:
    return [trial.spec.recipe.precision for trial in read_run(run).trials]


def say(file: Path, **found: Any) -> None:
    """Let the cache say something else."""
    plain = json.loads(file.read_text())
    file.write_text(json.dumps(plain | {"found": plain["found"] | found}))


@pytest.mark.slow
def test_what_is_faster_is_taken_and_kept(
    cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, plain = tmp_path / "run", ModelSpec("base", 10, 1)
    settings = RunSettings("base", "digits", train_images=64, validation_images=50, image_size=8)
    clock = itertools.count(0.0, 0.01).__next__
    measured(settings, plain, Sizer((1, 8, 8))(plain), make_objective(settings).data(), clock)
    [file] = cache.iterdir()
    say(file, where="EPYC", float32=0.3, bfloat16=0.2)
    assert call([*RUN.split(), "--precision", "auto", "--out", str(run)]) == 0
    line = "a training step of base is 1.50 times as fast in bfloat16 (EPYC, 1 thread, 64 images)"
    introduction = capfd.readouterr().err.partition("[1/1]")[0]
    assert f"precision bfloat16: {line}" in introduction
    assert line in (run / "report.html").read_text()
    recorded = RunDirectory.open(run).read()
    assert recorded.settings.recipe.precision == "bfloat16"
    assert recorded.precision == StepTimes("EPYC", 1, 64, 0.3, 0.2)
    say(file, float32=0.1)
    assert call(["resume", str(run), "--trials", "2"]) == 0
    assert precisions(run) == ["bfloat16"] * 2


@pytest.mark.slow
def test_nothing_is_measured_where_the_space_says_it_or_the_run_is_short(cache: Path, tmp_path: Path) -> None:
    space, run = tmp_path / "space.yaml", tmp_path / "run"
    rule = 'layers: {"*": {kind: [linear]}}'
    space.write_text(f"version: 1\nbackbone: base\n{rule}\ntrain: {{precision: bfloat16}}\n")
    assert call([*RUN.split(), "--space", str(space), "--out", str(run)]) == 0
    assert precisions(run) == ["bfloat16"] and RunDirectory.open(run).read().precision is None
    assert call([*RUN.split(), "--out", str(tmp_path / "short")]) == 0
    assert precisions(tmp_path / "short") == ["float32"] and not cache.exists()
