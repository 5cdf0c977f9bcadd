"""`--new-head` for a net that makes outputs of its own number, through every command that builds it later."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from inline_engine import installed_inline
from safetensors.torch import save_file

from lcsearch.cli.main import call
from lcsearch.export.load import load_model
from lcsearch.nets.backbones import build
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow

NET = "odd_nets:stubborn"
SMALL = [
    "--backbone", NET, "--dataset", "digits", "--train-images", "192", "--validation-images", "96",
    "--image-size", "8", "--epochs", "1", "--trials", "3", "--jobs", "1", "--engine", "inline",
    "--early-stopping", "none",
]  # fmt: skip
WORDS = "the layer that gives the logits (head) is made new: 10 outputs instead of 23"


def test_is_named_as_the_way_out_and_is_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    with installed_inline(tmp_path / "installed"):
        assert call(["run", *SMALL, "--out", str(out)]) == 2
        said = capfd.readouterr().err
        assert "23 outputs" in said and "--new-head makes the layer new" in said and not out.exists()
        assert call(["run", *SMALL, "--new-head", "--out", str(out)]) == 0
        assert WORDS in capfd.readouterr().err
        assert call(["resume", str(out), "--trials", "4"]) == 0
        retrain = ["retrain", str(out), "--epochs", "1", "--seeds", "1", "--top", "1"]
        assert call(retrain) == 0, capfd.readouterr().err
    recorded = yaml.safe_load((out / "run.yaml").read_text())
    assert WORDS in recorded["notes"] and recorded["settings"]["backbone"] == f"{NET}@head=head"
    trials = read_run(out).trials
    assert len(trials) == 4 and all(trial.state == "complete" for trial in trials)
    smallest = min(trials, key=lambda trial: trial.params)
    for name in ("net.yaml", "net.safetensors", "net.pt2"):
        assert call(["export", str(out), "--trial", str(smallest.number), "-o", str(tmp_path / name)]) == 0
    for name in ("net.yaml", "net.safetensors"):
        assert load_model(tmp_path / name)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    with installed_inline(tmp_path / "again"):
        given = ["--from", str(tmp_path / "net.yaml"), "--new-head", "--init", "scratch"]
        assert call(["run", *SMALL, *given, "--out", str(tmp_path / "second")]) == 0


def test_weights_of_another_number_of_classes_fit(tmp_path: Path) -> None:
    out, file = tmp_path / "run", tmp_path / "own.safetensors"
    weights = build(NET, num_classes=10, in_channels=1).state_dict()
    save_file(dict(weights), file)
    with installed_inline(tmp_path / "installed"):
        assert call(["run", *SMALL, "--init", str(file), "--new-head", "--out", str(out)]) == 0
    asked = ["--backbone", NET, "--dataset", "digits", "--image-size", "8", "--init", str(file)]
    assert call(["sensitivity", *asked, "--new-head"]) == 0
