"""A search on Ray whose images have changed when it is resumed: refused, or gone on with what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from image_folders import make_folder, picture
from inline_engine import installed_inline

from lcsearch.cli.main import call
from lcsearch.runs.read import read_run

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.long]

TESTS = Path(__file__).parents[2]


def test_like_a_local_one(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its first trial ran in this process, which takes less time than workers of Ray."""
    monkeypatch.chdir(TESTS)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    toys, run = make_folder(tmp_path / "toys"), tmp_path / "run"
    (tmp_path / "installed").mkdir()
    with installed_inline(tmp_path / "installed"):
        assert call([
            "run", "--backbone", "tiny_net:tiny", "--dataset", f"folder:{toys}", "--image-size", "8",
            "--epochs", "1", "--batch-size", "8", "--trials", "1", "--jobs", "1", "--device", "cpu",
            "--init", "scratch", "--early-stopping", "none", "--engine", "inline", "--out", str(run),
        ]) == 0  # fmt: skip
    before = read_run(run).trials
    for number in range(5):
        picture(400 + number).save(toys / "ring" / f"0{number}new.bmp")
    resume = [
        "resume", str(run), "--trials", "2", "--engine", "ray", "--ray-address", cluster.address,
        "--storage-path", str(tmp_path / "shared"),
    ]  # fmt: skip
    capfd.readouterr()
    assert call(resume) == 2
    said = capfd.readouterr().err.strip().splitlines()[-1]
    assert "5 came; put them back, or --data-changed use-old goes on with 38 of 38 training and 10" in said
    assert read_run(run).trials == before
    assert call([*resume, "--data-changed", "use-old"]) == 0
    now = read_run(run)
    assert [trial.state for trial in now.trials] == ["complete", "complete"]
    assert now.settings["settings"]["engine"] == "ray"
    assert "trials since then use 38 of 38 training" in now.settings["notes"][-1]
