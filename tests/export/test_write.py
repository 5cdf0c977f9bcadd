"""From a run to a checked file: it appears whole and right, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from small_runs import TRIALS

import lcsearch
from lcsearch.core.errors import InputError
from lcsearch.data import load
from lcsearch.export import Exported
from lcsearch.export.check import ExportError
from lcsearch.export.chosen import export_choice
from lcsearch.export.formats import weights
from lcsearch.runs.choose import choose
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow


def export(run: Path, trial: int, kind: str, output: Path, **options: bool) -> Exported:
    record = read_run(run)
    return export_choice(record, choose(record.trials, None, trial=trial), kind, output, **options)


@pytest.mark.parametrize("trial", [4, 5])
def test_weights_are_those_of_the_search(small_run: Path, tmp_path: Path, trial: int) -> None:
    from safetensors.torch import load_file

    path = tmp_path / "best.safetensors"
    done = export(small_run, trial, "weights", path)
    trained = load_file(small_run / "trials" / str(trial) / "weights.safetensors")
    loaded = lcsearch.load_model(path).state_dict()
    assert all(torch.equal(trained[name], tensor) for name, tensor in loaded.items())
    assert done.size == path.stat().st_size < done.backbone_size / 2
    assert done.agreement is not None and done.agreement.images == 100 and done.agreement.difference == 0


def test_the_accuracy_is_that_of_the_file_on_validation_images(small_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.pt2"
    done = export(small_run, 5, "conv", path, fold_batch_norm=True)
    program = torch.export.load(path).module()
    split = load("digits", train_images=128, validation_images=100, image_size=16).validation
    assert done.about is not None
    info = done.about.info
    images = (split.images.float() / 255 - info.mean[0]) / info.std[0]
    right = (program(images).argmax(1) == split.labels).sum()
    assert done.agreement is not None
    assert done.agreement.accuracy == pytest.approx(float(right))  # of 100 images
    assert 0 < done.agreement.difference < 1e-4


def test_a_config_is_readable_and_builds_the_model(small_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    export(small_run, 6, "yaml", path)
    plain = yaml.safe_load(path.read_text())
    assert plain["version"] == 1 and plain["source"]["trial"] == 6
    assert plain["layers"]["features.0"] == {"family": "linear", "alpha": 0.5}
    model = lcsearch.load_model(path)
    assert sum(p.numel() for p in model.parameters()) == read_run(small_run).trials[6].params
    assert TRIALS[6][2].layers["features.0"].alpha == 0.5


def test_weights_that_were_not_kept_are_explained(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"trial 6: its weights were not kept .*lcsearch retrain") as found:
        export(small_run, 6, "weights", tmp_path / "best.safetensors")
    assert "format='yaml'" in str(found.value) and "\n" not in str(found.value)
    with pytest.raises(InputError, match=r"retrained: trial 4 was not retrained"):
        export(small_run, 4, "weights", tmp_path / "best.safetensors", retrained=True)
    assert not list(tmp_path.iterdir())


def test_a_file_that_computes_something_else_never_appears(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "best.safetensors"
    path.write_text("the old one")
    real = weights.FORMAT.read
    monkeypatch.setattr(weights.FORMAT, "read", lambda part: lambda images: real(part)(images) * 1.001)
    with pytest.raises(ExportError, match="outputs differ by 1"):
        export(small_run, 4, "weights", path)
    assert path.read_text() == "the old one"
    assert [file.name for file in tmp_path.iterdir()] == ["best.safetensors"]


def test_a_place_that_cannot_be_written_is_found_first(small_run: Path, tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "where.pt2", "not writable: No such file"),
    ):
        with pytest.raises(InputError, match=f"^output: .*{reason}"):
            export(small_run, 4, "conv", path)


def test_a_run_of_the_users_own_loop_is_checked_on_random_images(
    small_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import shutil

    from lcsearch.cli.main import call

    run = Path(shutil.copytree(small_run, tmp_path / "run"))
    plain = yaml.safe_load((run / "run.yaml").read_text())
    plain["settings"] |= {"objective": "mine:train", "dataset": "of my own"}
    (run / "run.yaml").write_text(yaml.safe_dump(plain))
    assert call(["export", str(run), "--trial", "5", "-o", str(tmp_path / "best.safetensors")]) == 0
    said = capfd.readouterr().out
    assert "checked on 100 random images" in said and "accuracy" not in said.split("checked on")[1]
    assert call(["retrain", str(run)]) == 2
    assert "was trained by your own loop (mine:train)" in capfd.readouterr().err
