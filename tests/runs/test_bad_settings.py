"""Whatever is wrong with a setting is one line that names it as its reader does, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import simulated_objectives as simulated
import yaml
from run_files import run_file
from settings_table import ROWS, TYPED, VALUES, Row

import lcsearch
from lcsearch.cli.main import call
from lcsearch.core.errors import InputError
from lcsearch.core.yaml import write_yaml
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings

ASKED: dict[str, Any] = {
    "backbone": "base", "num_classes": 10, "in_channels": 1, "image_size": 16, "validation_images": 1000,
    "epochs": 3, "device": "cpu", "quiet": True,
}  # fmt: skip
SETTINGS = RunSettings("base", "digits", trials=5)
BY_PYTHON = [row for row in ROWS if "search" in row.takers]
RECORDED = [row for row in ROWS if row.section != "-"]


def typed(command: str) -> list[tuple[Row, str, str]]:
    rows = [row for row in ROWS if command in row.takers]
    return [(row, text, words) for row in rows for text, words in TYPED[row.kind]]


def valued(rows: Iterable[Row]) -> list[tuple[Row, Any, str]]:
    return [(row, value, words) for row in rows for value, words in VALUES[row.kind]]


def shown(value: object) -> str:
    return value.name if isinstance(value, Row) else str(value)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory that holds only its run.yaml."""
    directory = RunDirectory(tmp_path / "made")
    directory.path.mkdir()
    directory.write(run_file(SETTINGS, Facts(10, 1, 16, 100, 50)))
    return directory.path


def refused(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that leaves with 2."""
    assert call(arguments) == 2
    out, said = capfd.readouterr()
    assert out == "" and len(said.splitlines()) == 1 and said.startswith("lcsearch: error: "), said
    return said.removeprefix("lcsearch: error: ").strip()


@pytest.mark.parametrize(("row", "text", "words"), typed("run"), ids=shown)
def test_run(
    row: Row, text: str, words: str, tmp_path: Path, monkeypatch: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(["run", "--backbone", "base", row.option, text], capfd)
    assert said.startswith(f"{row.option}: ") and words in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("row", "text", "words"), typed("sensitivity"), ids=shown)
def test_sensitivity(row: Row, text: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    said = refused(["sensitivity", "--backbone", "base", "--init", "x", row.option, text], capfd)
    assert said.startswith(f"{row.option}: ") and words in said


AGAIN = [(command, *case) for command in ("resume", "retrain") for case in typed(command)]


@pytest.mark.parametrize(("command", "row", "text", "words"), AGAIN, ids=shown)
def test_resume_and_retrain_leave_the_run_as_it_is(
    command: str, row: Row, text: str, words: str, run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (run / "run.yaml").read_bytes()
    said = refused([command, str(run), row.option, text], capfd)
    assert said.startswith(f"{row.option}: ") and words in said
    assert [path.name for path in run.iterdir()] == ["run.yaml"]
    assert (run / "run.yaml").read_bytes() == before


@pytest.mark.parametrize(("row", "value", "words"), valued(BY_PYTHON), ids=shown)
def test_python(row: Row, value: Any, words: str, tmp_path: Path) -> None:
    asked = {**ASKED, "out": tmp_path / "run", row.name: value}
    with pytest.raises(InputError) as caught:
        lcsearch.search(None, simulated.smooth, **asked)
    said = str(caught.value)
    assert said.startswith(f"{row.name}: ") and words in said and "--" not in said and "\n" not in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("row", "value", "words"), valued(RECORDED), ids=shown)
def test_run_yaml(row: Row, value: Any, words: str, run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = run / "run.yaml"
    plain = yaml.safe_load(file.read_text())
    place = plain["settings"]["recipe"] if row.section == "recipe" else plain[row.section]
    place[row.name] = value
    write_yaml(file, plain)
    path = f"settings.recipe.{row.name}" if row.section == "recipe" else f"{row.section}.{row.name}"
    for command in ("status", "resume"):
        said = refused([command, str(run)], capfd)
        assert said.startswith(f"{file}: {path}") and words in said


def test_a_trial_must_reserve_something(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = (run / "run.yaml").read_bytes()
    said = refused(["resume", str(run), "--cpus-per-trial", "0"], capfd)
    assert said == "--cpus-per-trial: 0 needs --gpus-per-trial above 0: a trial must reserve something"
    assert (run / "run.yaml").read_bytes() == before
    share = SETTINGS.changed({"cpus_per_trial": 0.0, "gpus_per_trial": 0.25})
    assert (share.cpus_per_trial, share.gpus_per_trial) == (0.0, 0.25)


@pytest.mark.parametrize(
    ("name", "words"),
    [("sampler", "no sampler"), ("early_stopping", "no stopping rule"), ("engine", "no engine")],
)
def test_what_is_not_installed_any_more_stops_only_who_needs_it(
    name: str, words: str, run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = run / "run.yaml"
    plain = yaml.safe_load(file.read_text())
    plain["settings"][name] = "gone"
    write_yaml(file, plain)
    assert getattr(RunDirectory.open(run).read().settings, name) == "gone"
    said = refused(["resume", str(run)], capfd)
    assert said.startswith(f"{file}: settings.{name}: there is {words} 'gone'")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version: 2 is not 1, the version this lcsearch reads"),
        ({"settings": None}, "settings: None is not allowed; write keys from backbone"),
        ({"facts": [1]}, "facts: [1] is not allowed; write keys from num_classes"),
        ({"given": 5}, "given: 5 is not a list"),
        ({"colour": "red"}, "colour: unknown key"),
    ],
)
def test_a_damaged_run_yaml(
    change: dict[str, Any], words: str, run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = run / "run.yaml"
    write_yaml(file, yaml.safe_load(file.read_text()) | change)
    assert refused(["status", str(run)], capfd).startswith(f"{file}: {words}")


def test_what_a_run_yaml_lacks(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = run / "run.yaml"
    plain = yaml.safe_load(file.read_text())
    for name in ("backbone", "dataset"):
        write_yaml(file, {**plain, "settings": {k: v for k, v in plain["settings"].items() if k != name}})
        assert refused(["status", str(run)], capfd) == f"{file}: settings.{name}: is missing"
    for name in ("facts", "space"):
        write_yaml(file, {key: value for key, value in plain.items() if key != name})
        assert refused(["status", str(run)], capfd) == f"{file}: {name}: is missing"
    file.write_text("")
    assert refused(["status", str(run)], capfd) == f"{file}: the file is empty"
