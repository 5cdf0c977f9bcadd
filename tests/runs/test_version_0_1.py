"""What version 0.1 wrote is read, gone on with and exported as before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from inline_engine import installed_inline
from old_runs import EXPECTED, FOLDER, numbers, trials, unpack

import lcsearch
from lcsearch.cli.main import call

RUNS = sorted(name for name in EXPECTED["runs"] if name != "files")
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def in_this_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed_inline(tmp_path_factory.mktemp("installed")):
        yield


def said(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    capfd.readouterr()
    assert call(list(arguments)) == 0
    return capfd.readouterr().out


@pytest.mark.parametrize("name", RUNS)
def test_a_run_reads_as_it_did(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    unpack(name, tmp_path)
    assert numbers(json.loads(said(capfd, "status", name, "--json"))) == EXPECTED["runs"][name]["status"]
    said(capfd, "export", name, "--knee", "--format", "yaml", "-o", "knee.yaml")
    knee = yaml.safe_load(EXPECTED["runs"][name]["knee"])
    assert yaml.safe_load(Path("knee.yaml").read_text()) == of_now(knee)
    said(capfd, "report", name, "-o", "report.html")
    page = Path("report.html").read_text()
    front = EXPECTED["runs"][name]["status"]["front"]
    assert front and all(f"{member['accuracy']:.2f} %" in page for member in front)


GOES_ON = {
    "finished": (22, "sampler"),
    "killed": (9, "sampler"),
    "python": (9, "sampler"),
    "retrained": (15, "sampler"),
}
"""To how many trials, and where at least one of the new ones comes from."""


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_gone_on_with_as_it_was(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(TESTS))
    path, expected = unpack(name, tmp_path), EXPECTED["runs"][name]
    before = {t["number"]: t for t in trials(path) if t["state"] != "running"}
    count, origin = GOES_ON[name]
    said(capfd, "resume", name, "--trials", str(count), "--engine", "inline")
    found = trials(path)
    assert origin in {trial["origin"] for trial in found if trial["number"] not in before}
    assert {t["number"]: t for t in found if t["number"] in before} == before
    assert_same_search(found, expected["trials"])


def of_now(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec as this version writes it: without a width, if that is 1."""
    return {key: value for key, value in spec.items() if (key, value) != ("width", 1.0)}


def assert_same_search(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """The backbone and what is given are the same; rivals are of other sizes now, which shifts the rest."""
    assert found[0]["origin"] == "baseline"
    assert shown(found, "baseline", "given") == shown(expected, "baseline", "given") != []


def shown(found: list[dict[str, Any]], *origins: str) -> list[dict[str, Any]]:
    """What trials of some origins were, but for what training made of them."""
    keys = ("label", "params", "macs")
    return [
        {key: trial[key] for key in keys} | {"spec": of_now(trial["spec"])}
        for trial in found
        if trial["origin"] in origins
    ]


DATA = "--dataset digits --image-size 16 --train-images 200 --validation-images 100 --batch-size 16"
UNTAUGHT = "--trials 20 --epochs 1 --init scratch --early-stopping none"
SEARCHES = {
    "tiny": "--trials 17 --lr 0.05 --epochs 2 --fine-tune-lr 0.05 --fine-tune-epochs 3 --max-params 2k",
    "plan_qmc": f"{UNTAUGHT} --sampler qmc --max-macs 40k --objectives accuracy,params,macs",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
def test_the_same_command_makes_the_same_search_in_the_space_of_then(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(TESTS))
    space = ["--space", str(FOLDER / "generic.yaml")]
    made_with = f"--backbone old_net:make --seed 0 --out made {DATA} {SEARCHES[name]}"
    said(capfd, "run", *made_with.split(), *space, "--engine", "inline")
    found, expected = trials(tmp_path / "made"), EXPECTED["searches"][name]
    assert_same_search(found, expected)


def test_exported_files_load_and_compute_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TESTS))
    folder = unpack("files", tmp_path)
    for name, expected in EXPECTED["runs"]["files"].items():
        model = lcsearch.load_model(folder / name)
        assert sum(p.numel() for p in model.parameters()) == expected["params"], name
        if name.endswith(".yaml"):
            continue
        torch.manual_seed(1)
        with torch.no_grad():
            outputs = model(torch.randn(3, 1, 16, 16))
        torch.testing.assert_close(outputs, torch.tensor(expected["outputs"]), rtol=1e-3, atol=1e-4)
