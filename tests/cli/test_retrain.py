"""``lcsearch retrain`` as a user types it, with real worker processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import make_run

from lcsearch.cli.main import call
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "small")


def test_it_trains_tests_and_says_what_came_of_it(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["retrain", str(run), "--trial", "5", "--epochs", "1", "--seeds", "2", "--jobs", "1"]
    assert call(arguments) == 0
    said = capfd.readouterr()
    assert "8 trainings to go with 1 process " in said.err and "[8/8]" in said.err
    records = read_run(run).retrained
    assert len(records) == 4
    for record in records:
        row = next(line for line in said.out.splitlines() if line.split()[:1] == [str(record.trial)])
        assert f"{sum(record.accuracies) / 2:.2f} %" in row
    assert "results.yaml" in said.out and (run / "report.html").is_file()
    assert call(arguments) == 0
    again = capfd.readouterr()
    assert "every training is finished already" in again.err
    assert again.out == said.out


WRONG = [
    (["--trial", "50"], ["--trial", "50", "0 to 6"]),
    (["--trial", "4", "--top", "1"], ["--top", "--trial"]),
    (["--seeds", "0"], ["--seeds", "0"]),
    (["--seeds", "5000"], ["--seeds", "5000", "999"]),
    (["--epochs", "0"], ["--epochs", "0"]),
    (["--top", "0"], ["--top", "0"]),
    (["--engine", "slurm"], ["--engine", "'slurm'"]),
]


@pytest.mark.parametrize(("wrong", "expected"), WRONG, ids=[" ".join(w) for w, _ in WRONG])
def test_bad_input_is_one_clear_line(
    run: Path, wrong: list[str], expected: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(["retrain", str(run), *wrong]) == 2
    said = capfd.readouterr().err
    assert len(said.strip().splitlines()) == 1, said
    assert said.startswith("lcsearch: error: ") and all(part in said for part in expected), said


def test_a_run_that_is_open_elsewhere_is_refused(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with RunDirectory.open(run).locked():
        assert call(["retrain", str(run)]) == 2
    assert "is open in another lcsearch" in capfd.readouterr().err
