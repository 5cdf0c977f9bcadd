"""What a package of other people adds through entry points, from a search to an exported file.

The package lies in ``tests/plugin_package``; it is built into a wheel and installed as pip does it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from doc_blocks import blocks_of

TOP = Path(__file__).resolve().parents[1]
PACKAGE = TOP / "tests" / "plugin_package"

ADDED = {
    "family": "factored",
    "sampler": "copy",
    "backbone": "three",
    "data set": "stripes",
    "stopping rule": "last",
    "engine": "one-by-one",
    "export format": "state",
    "plot": "sizes",
    "tracker": "lines",
}
SPACE = """
version: 1
backbone: three
layers:
  "*": {kind: [conv, factored], kept: {low: 0.1, high: 1.0, log: true}}
"""
SEARCH = [
    "run", "--backbone", "three", "--dataset", "stripes", "--space", "space.yaml", "--sampler", "copy",
    "--early-stopping", "last", "--init", "scratch", "--trials", "18", "--epochs", "2", "--batch-size", "64",
    "--jobs", "1", "--device", "cpu", "--out", "run", "--track", "lines:epochs.txt",
]  # fmt: skip
SEVERAL = """
import contextlib, io, json, sys
from lcsearch.cli.main import call

ends = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = call(arguments)
    ends.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(ends))
"""
CONTRACTS = """
from lcsearch import testing
from lcsearch.core import plugins

checks = {
    plugins.FAMILY: testing.check_family, plugins.SAMPLER: testing.check_sampler,
    plugins.BACKBONE: testing.check_backbone, plugins.DATA_SET: testing.check_data_set,
    plugins.STOPPING_RULE: testing.check_stopping_rule, plugins.PLOT: testing.check_plot,
    plugins.EXPORT_FORMAT: testing.check_export_format, plugins.TRACKER: testing.check_tracker,
    plugins.ENGINE: testing.check_engine,
}
assert set(checks) == set(plugins.KINDS)
theirs = [plugin for plugin in plugins.listed() if plugin.origin == "lcsearch-example 1.0"]
assert len(theirs) == len(checks), theirs
for plugin in theirs:
    checks[plugin.kind](plugins.find(plugin.kind, plugin.name))
"""

pytestmark = pytest.mark.slow


class Place:
    """A folder to work in, where the package is installed.

    Args:
        site: Where it is installed.
        folder: Where commands run.
    """

    def __init__(self, site: Path, folder: Path) -> None:
        self.folder = folder
        self._environment = os.environ | {"PYTHONPATH": f"{TOP}{os.pathsep}{site}"}

    def start(self, code: str, *arguments: str) -> str:
        """What a program prints, in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run_each(self, *commands: list[str]) -> list[tuple[int, str, str]]:
        """Exit code, stdout and stderr of commands that one process runs, which spares imports."""
        return [tuple(end) for end in json.loads(self.start(SEVERAL, json.dumps(commands)))]


def build(folder: Path) -> list[str]:
    """What makes a wheel of the package in the current folder."""
    program = "from hatchling.build import build_wheel; import sys; build_wheel(sys.argv[1])"
    return [sys.executable, "-c", program, str(folder)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(build(folder), cwd=PACKAGE, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def place(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(site, tmp_path_factory.mktemp("work"))
    (made.folder / "space.yaml").write_text(SPACE)
    return made


@pytest.fixture(scope="module")
def said(place: Place) -> dict[str, str]:
    """What commands say, of which one searches with everything that the package adds, and one goes on."""
    commands = {
        "run": SEARCH,
        "plugins": ["plugins", "--json"],
        "backbones": ["backbones"],
        "datasets": ["datasets"],
        "before": ["status", "run", "--json"],
        "resume": ["resume", "run", "--trials", "20", "--engine", "one-by-one"],
        "after": ["status", "run", "--json"],
        "report": ["report", "run"],
    }
    ends = place.run_each(*commands.values())
    assert [code for code, _, _ in ends] == [0] * len(commands), ends
    return {name: out for name, (_, out, _) in zip(commands, ends, strict=True)}


def families_of(spec: dict[str, Any]) -> set[str]:
    """The families of a spec's layers."""
    return {layer["family"] for layer in spec["layers"].values()}


def test_renamed_as_the_page_says_it_is_a_package_of_that_name(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    shutil.copytree(PACKAGE, tmp_path / "tests" / "plugin_package")
    [block] = [block for block in blocks_of("plugins.md") if "plugin_package" in block.text]
    renaming = block.text.partition("pip install")[0]
    subprocess.run(["bash", "-ec", f"{renaming}{shlex.join(build(tmp_path))}"], cwd=tmp_path, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("my_package-*.whl"))) as wheel:
        files = {name: wheel.read(name).decode() for name in wheel.namelist()}
    [entries] = [text for name, text in files.items() if name.endswith("entry_points.txt")]
    objects = [line.split(" = ")[1].partition(":") for line in entries.splitlines() if "=" in line]
    assert len(objects) == len(ADDED)
    for module, _, name in objects:
        assert name in files[f"{module.replace('.', '/')}.py"]
    assert not [name for name, text in files.items() if re.search("lcsearch.example", name + text)]


def test_all_of_it_is_listed_and_loads(said: dict[str, str]) -> None:
    rows = json.loads(said["plugins"])["plugins"]
    theirs = {row["kind"]: row["name"] for row in rows if row["from"] == "lcsearch-example 1.0"}
    assert theirs == ADDED
    assert [row for row in rows if row["problem"]] == []
    assert "three" in said["backbones"] and "stripes" in said["datasets"]


def test_a_search_uses_all_of_it_and_goes_on(place: Place, said: dict[str, str]) -> None:
    before, after = json.loads(said["before"]), json.loads(said["after"])
    assert before["trials"]["pruned"] > 0 and before["trials"]["failed"] == 0
    assert set.union(*(families_of(one["spec"]) for one in before["front"])) == {"factored"}
    assert after["epochs_trained"] >= before["epochs_trained"] + 2
    plain = yaml.safe_load((place.folder / "run" / "run.yaml").read_text())["settings"]
    names = {"backbone": "three", "dataset": "stripes", "sampler": "copy", "early_stopping": "last"}
    names["engine"] = "one-by-one"
    assert {setting: plain[setting] for setting in names} == names


def test_its_tracker_has_each_epoch_once_after_both_sessions(place: Place, said: dict[str, str]) -> None:
    lines = [line.split()[1:] for line in (place.folder / "epochs.txt").read_text().splitlines()]
    there = [(int(number), int(epoch), float(accuracy)) for number, epoch, accuracy in lines]
    recorded = [
        (int(file.parent.name), int(epoch), pytest.approx(float(accuracy), abs=1e-3))
        for file in (place.folder / "run" / "trials").glob("*/metrics.csv")
        for epoch, accuracy, *_ in csv.reader(file.read_text().splitlines()[1:])
    ]
    assert len(there) > 20 and sorted(there) == sorted(recorded, key=lambda one: one[:2])


def test_the_report_shows_its_plot(place: Place, said: dict[str, str]) -> None:
    page = (place.folder / "run" / "report.html").read_text()
    assert "Sizes of the trials" in page and "learned filters" in page


def test_a_trial_of_its_family_is_exported_in_its_format_and_in_ours(
    place: Place, said: dict[str, str]
) -> None:
    import torch

    front = json.loads(said["after"])["front"]
    number = next(str(one["trial"]) for one in front if "factored" in families_of(one["spec"]))
    files = ("best.pth", "best.pt2", "best.safetensors")
    ends = place.run_each(*(["export", "run", "--trial", number, "-o", name] for name in files))
    assert [code for code, _, _ in ends] == [0, 0, 0], ends
    assert "wrote best.pth: state" in ends[0][1] and "outputs differ by at most" in ends[0][1]
    saved = torch.load(place.folder / "best.pth", weights_only=True)
    assert "factored" in saved["config"] and any(key.endswith("basis") for key in saved["state"])


def test_without_the_package_each_command_says_what_is_missing(place: Place, said: dict[str, str]) -> None:
    bare = Place(place.folder / "nowhere", place.folder)
    missing = {
        "there is no backbone 'three'": ["run", "--backbone", "three"],
        "there is no sampler 'copy'": ["run", "--backbone", "base", "--sampler", "copy"],
        "there is no export format 'state'": ["export", "run", "--knee", "--format", "state"],
        "settings.sampler: there is no sampler 'copy'": ["resume", "run", "--trials", "30"],
    }
    for expected, (code, _, error) in zip(missing, bare.run_each(*missing.values()), strict=True):
        assert code == 2 and len(error.strip().splitlines()) == 1, error
        assert expected in error


def test_it_keeps_every_contract(place: Place) -> None:
    place.start(CONTRACTS)
