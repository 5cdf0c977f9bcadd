"""Searches of layers that share filters, and of basis layers by energy, as a user types them, on digits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from outline import outline

from lcsearch.cli.main import call
from lcsearch.core.records import TrialRecord
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.basis_conversion import filters_for
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.weights import load_backbone
from lcsearch.runs.read import read_run

pytestmark = [pytest.mark.slow, pytest.mark.long]

TESTS = Path(__file__).parents[1]
DIGITS = "--dataset digits --image-size 8 --train-images 100 --epochs 1 --jobs 1 --device cpu"
SHARED = f"run --backbone block_net:blocks --kinds conv,shared {DIGITS}"
TRIALS = 5
ENERGY = 0.8
SPACE = f"""
version: 1
backbone: "*"
layers: {{"*": {{kind: [conv, basis], energy: {ENERGY}}}}}
"""


@pytest.fixture(scope="module", autouse=True)
def in_the_folder_of_the_nets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(TESTS)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By the local engine, in two sessions."""
    run = tmp_path_factory.mktemp("shared") / "run"
    assert call([*SHARED.split(), "--trials", "4", "--out", str(run)]) == 0
    assert call(["resume", str(run), "--trials", str(TRIALS)]) == 0
    return run


def with_family(run: Path, family: str) -> list[TrialRecord]:
    """Trained trials all of whose layers that are not plain are of a family."""
    trials = [trial for trial in read_run(run).trials if trial.state == "complete"]
    layers = {trial.number: trial.spec.model.layers.values() for trial in trials}
    return [t for t in trials if layers[t.number] and {one.family for one in layers[t.number]} == {family}]


def test_layers_that_share_are_searched_retrained_and_exported(shared_run: Path, tmp_path: Path) -> None:
    found = with_family(shared_run, "shared")
    assert {"uniform", "sampler"} <= {trial.origin for trial in found}
    assert all(trial.accuracy_before is not None for trial in found), "they were cut out of the backbone"
    number = str(found[-1].number)
    assert call(["retrain", str(shared_run), "--trial", number, "--epochs", "1", "--seeds", "1"]) == 0
    assert found[-1].number in {record.trial for record in read_run(shared_run).retrained}
    for name in ("weights", "conv", "onnx"):
        file = tmp_path / f"model.{name}"
        assert call(["export", str(shared_run), "--trial", number, "--format", name, "-o", str(file)]) == 0
        assert file.stat().st_size > 0


def test_layers_that_share_are_searched_from_scratch(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert call([*SHARED.split(), "--init", "scratch", "--trials", "4", "--out", str(run)]) == 0
    assert all(trial.spec.recipe.init == "scratch" for trial in with_family(run, "shared"))
    assert len(with_family(run, "shared")) >= 2


@pytest.mark.ray
def test_ray_searches_layers_that_share_as_the_local_engine_does(shared_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = [*SHARED.split(), "--engine", "ray", "--trials", str(TRIALS), "--out", str(run)]
    assert call(arguments) == 0
    assert outline(read_run(run).trials) == outline(read_run(shared_run).trials)


def test_an_energy_means_the_backbone_that_the_run_trains(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, space = tmp_path / "run", tmp_path / "space.yaml"
    space.write_text(SPACE)
    arguments = ["run", "--backbone", "tiny_net:tiny", *DIGITS.split(), "--space", str(space)]
    assert call([*arguments, "--trials", "12", "--out", str(run)]) == 0
    assert "smallest model at least " in capfd.readouterr().err
    convs = conv_layers(load_backbone(ModelSpec("tiny_net:tiny", 10, 1), run / "start"))
    wanted = {name: filters_for(conv, ENERGY) for name, conv in convs.items()}
    drawn = [trial for trial in with_family(run, "basis") if trial.origin == "sampler"]
    assert drawn
    for trial in drawn:
        for name, spec in trial.spec.model.layers.items():
            assert spec.to_plain()["filters"] == wanted[name]
    assert call(["resume", str(run), "--trials", "13"]) == 0
    last = read_run(run).trials[-1].spec.model.layers
    assert all(spec.to_plain()["filters"] == wanted[name] for name, spec in last.items())


def test_an_energy_without_a_trained_net_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    arguments = ["run", "--backbone", "tiny_net:tiny", *DIGITS.split(), "--space", str(space)]
    assert call([*arguments, "--init", "scratch", "--out", str(tmp_path / "run")]) == 2
    said = capfd.readouterr().err.strip()
    assert "layers.*.energy: is not allowed; it means the weights of a trained net" in said.replace('"', "")
    assert len(said.splitlines()) == 1 and not (tmp_path / "run").exists()
