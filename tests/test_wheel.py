"""The wheel holds all that the commands need, above all the search spaces from the top-level folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]


def run(*command: str, cwd: Path, path: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(path)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked from a freshly built wheel (a pure wheel is installed by unpacking it)."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    name = run(sys.executable, "-c", build, str(folder), cwd=TOP, path=folder).strip().splitlines()[-1]
    with zipfile.ZipFile(folder / name) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def files_of(top: Path) -> set[Path]:
    """The files of the package, templates and scripts of pages included."""
    found = {p.relative_to(top) for p in (top / "lcsearch").rglob("*") if p.is_file()}
    return {path for path in found if path.suffix != ".pyc"}


def test_lcsearch_spaces_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "from lcsearch.cli.main import main; main(['spaces', '--json'])"
    found = json.loads(run(sys.executable, "-c", code, cwd=tmp_path, path=installed))["spaces"]
    assert {entry["name"] for entry in found} == {
        path.stem for path in (TOP / "search_spaces").glob("*.yaml")
    }
    for entry in found:
        path = Path(entry["path"])
        assert path.is_relative_to(installed), "the spaces must come from the wheel, not from the checkout"
        assert path.read_bytes() == (TOP / "search_spaces" / path.name).read_bytes()


def test_the_wheel_holds_the_whole_package_and_nothing_else(installed: Path) -> None:
    spaces = {Path("lcsearch") / p.relative_to(TOP) for p in (TOP / "search_spaces").iterdir()}
    assert files_of(installed) == files_of(TOP) | spaces
    assert {entry.name.split("-")[0] for entry in installed.iterdir()} == {"lcsearch"}


def test_the_command_is_declared(installed: Path) -> None:
    entry_points = next(installed.glob("*.dist-info/entry_points.txt")).read_text()
    assert "lcsearch = lcsearch.cli.main:main" in entry_points
