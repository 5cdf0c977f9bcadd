"""What is missing in a data set is said before the first trial, and stays in the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inline_engine import installed_inline

from lcsearch.cli.main import call
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow

TWO_OF_THREE = """
import torch

def make():
    labels = torch.tensor([0, 2] * 60)
    images = torch.randint(256, (120, 1, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
    return (images, labels), (images, labels)
"""
LINES = [
    "only 24 validation images: each is 4.17 points",
    *[f"no {p} image is of class 1" for p in ("training", "validation")],
]


def test_notes_on_the_data_are_said_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "two_of_three.py").write_text(TWO_OF_THREE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    asked = [
        "--backbone", "base", "--dataset", "two_of_three:make", "--epochs", "1", "--trials", "1",
        "--init", "scratch", "--out", "run", "--engine", "inline",
    ]  # fmt: skip
    with installed_inline(tmp_path / "installed"):
        assert call(["run", *asked]) == 0
    out, said = capsys.readouterr()
    notes = read_run(tmp_path / "run").settings["notes"]
    assert len(notes) == len(LINES)
    for line, note in zip(LINES, notes, strict=True):
        assert note.startswith(line) and note in said and note not in out
        assert note in (tmp_path / "run" / "report.html").read_text()


def test_sensitivity_says_them_beside_its_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from lcsearch.nets.backbones import build
    from lcsearch.nets.tensors import write_state

    (tmp_path / "two_of_three_too.py").write_text(TWO_OF_THREE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    torch.manual_seed(0)
    write_state(build("base", num_classes=3, in_channels=1).state_dict(), tmp_path / "net.safetensors")
    assert (
        call(
            [
                "sensitivity",
                "--backbone",
                "base",
                "--dataset",
                "two_of_three_too:make",
                "--init",
                "net.safetensors",
                "--json",
            ]
        )
        == 0
    )
    out, said = capsys.readouterr()
    assert json.loads(out)["dataset"] == "two_of_three_too:make"
    assert all(line in said for line in LINES)
