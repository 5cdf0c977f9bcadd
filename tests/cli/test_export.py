"""``lcsearch export`` as a user types it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from small_runs import make_run

from lcsearch.cli.main import call

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "small")


def test_it_says_what_it_chose_and_what_is_on_either_side(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "best.safetensors"
    assert call(["export", str(run), "--max-drop", "0.5", "-o", str(path)]) == 0
    said = capfd.readouterr().out
    lines = said.splitlines()
    assert lines[0].startswith("chose trial 4, 92.80 %") and "-0.20 points" in lines[0]
    assert "the smallest within 0.5 points" in lines[1]
    assert lines[2].startswith("  next smaller: trial 5, 91.00 %")
    assert lines[3].startswith("  next larger: trial 0, 93.00 %")
    assert re.search(r"wrote .*best\.safetensors: weights, [\d.]+ kB \(plain backbone 1\.60 MB\)", said)
    assert re.search(r"latency [\d.]+ ms \(plain backbone [\d.]+ ms\): median of \d+, one image", said)
    assert "checked on 100 validation images" in said
    assert "input: float32 (batch, 1, 16, 16), pixels / 255, minus (0.3" in said


def test_every_other_format(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("best.yaml", "best.pt2", "best.onnx"):
        assert call(["export", str(run), "--trial", "5", "-o", str(tmp_path / name)]) == 0, name
    assert capfd.readouterr().err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.onnx", "best.pt2", "best.yaml"]


WRONG = [
    (["--max-params", "10", "--format", "yaml"], ["--max-params", "the smallest is trial 5"]),
    (["--max-drop", "-3", "--format", "yaml"], ["--max-drop", "the most accurate is trial 0"]),
    (["--max-drop", "nan", "--format", "yaml"], ["--max-drop", "nan"]),
    (["--trial", "77", "--format", "yaml"], ["--trial", "77", "0 to 6"]),
    (["--trial", "6", "--format", "conv"], ["trial 6", "not kept", "retrain"]),
    (["--format", "yaml"], ["exactly one of --max-params, --max-drop, --knee, --trial"]),
    (["--knee", "--trial", "4", "--format", "yaml"], ["exactly one"]),
    (["--knee"], ["--format"]),
    (["--knee", "-o", "model.bin"], ["--format", "model.bin", ".pt2"]),
    (["--knee", "-o", "model.onnx", "--format", "conv"], ["model.onnx", "conv"]),
    (["--knee", "--format", "tflite"], ["--format", "'tflite'"]),
    (["--knee", "--format", "yaml", "--fold-batch-norm"], ["--fold-batch-norm", "yaml"]),
    (["--knee", "--format", "yaml", "-o", "/proc/nothing/here.yaml"], ["/proc/nothing/here.yaml"]),
    (["--knee", "--format", "weights", "--retrained"], ["--retrained", "lcsearch retrain"]),
]


@pytest.mark.parametrize(("wrong", "expected"), WRONG, ids=[" ".join(w) for w, _ in WRONG])
def test_bad_input_is_one_clear_line(
    run: Path,
    wrong: list[str],
    expected: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(["export", str(run), *wrong]) == 2
    said = capfd.readouterr().err
    assert len(said.strip().splitlines()) == 1, said
    assert said.startswith("lcsearch: error: ") and all(part in said for part in expected), said
    assert not list(tmp_path.iterdir())


def test_a_run_without_a_finished_trial(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from run_files import run_file
    from small_runs import SETTINGS

    from lcsearch.runs.directory import RunDirectory
    from lcsearch.runs.run_file import Facts
    from lcsearch.runs.storage import open_storage, study_name
    from lcsearch.runs.store import Store

    directory = RunDirectory.create(tmp_path / "run")
    directory.write(run_file(SETTINGS, Facts(10, 1, 16, 128, 100)))
    Store(open_storage(SETTINGS, directory), ("accuracy", "params"), study_name(SETTINGS, directory)).close()
    assert call(["export", str(directory.path), "--knee", "--format", "yaml"]) == 2
    assert "the run has no complete trial to choose from yet" in capfd.readouterr().err
    assert call(["retrain", str(directory.path)]) == 2
    assert "the run has no complete trial to retrain yet" in capfd.readouterr().err
