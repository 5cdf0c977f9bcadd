"""A run is made in one folder and gone on with in another: what it names by relative paths is found again."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from inline_engine import installed_inline
from PIL import Image

from lcsearch.core.functions import module_folders
from lcsearch.runs.read import read_run
from lcsearch.runs.settings import RunSettings
from lcsearch.search.options import in_any_folder

NET = """
from torch import nn

def make(num_classes, in_channels):
    return nn.Sequential(
        nn.Conv2d(in_channels, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes),
    )
"""


def called(where: Path, *arguments: str) -> None:
    """In this process, as if nothing had been called before."""
    from lcsearch.cli.main import call

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        patch.setattr(sys, "path", [*sys.path])
        patch.delitem(sys.modules, "small_net", raising=False)
        assert call(list(arguments)) == 0


@pytest.mark.slow
def test_a_run_is_gone_on_with_from_another_folder(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    away.mkdir()
    random = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (home / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / "pictures" / name / f"{number}.png")
    (home / "small_net.py").write_text(NET)
    run = home / "made"
    with installed_inline(tmp_path / "installed"):
        called(
            home, "run", "--backbone", "small_net:make", "--dataset", "folder:pictures", "--image-size", "8",
            "--epochs", "1", "--batch-size", "8", "--engine", "inline", "--trials", "2",
            "--early-stopping", "none", "--out", "made",
        )  # fmt: skip
        called(away, "resume", str(run), "--trials", "3", "--engine", "local", "--jobs", "1")
        assert [trial.state for trial in read_run(run).trials].count("complete") == 3
        called(away, "export", str(run), "--trial", "0", "-o", "net.pt2")
        called(
            away, "retrain", str(run), "--trial", "0", "--seeds", "1", "--epochs", "1", "--engine", "inline"
        )
    assert (
        yaml.safe_load((run / "run.yaml").read_text())["settings"]["dataset"] == f"folder:{home / 'pictures'}"
    )


def test_relative_paths_are_resolved_and_addresses_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def found(dataset: str, storage: str | None = None) -> tuple[str, str | None]:
        settings = in_any_folder(RunSettings("base", dataset, storage_path=storage))
        return settings.dataset, settings.storage_path

    assert found("folder:pictures", "shared") == (f"folder:{tmp_path}/pictures", f"{tmp_path}/shared")
    assert found("folder:../pictures") == (f"folder:{tmp_path.parent}/pictures", None)
    assert found("folder:/a/b", "s3://bucket/x") == ("folder:/a/b", "s3://bucket/x")
    assert found("digits") == ("digits", None)
    assert found("my.data:make") == ("my.data:make", None)
    assert found("folder:") == ("folder:", None)


def test_folders_of_modules_are_those_that_they_are_imported_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loose_net.py").touch()
    (tmp_path / "package_of_nets" / "inner").mkdir(parents=True)
    (tmp_path / "package_of_nets" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    names = ("loose_net", "package_of_nets.inner", "torchvision.models", "no_such_module_of_ours")
    assert module_folders(names) == [str(tmp_path)]
