"""Whole searches over nets whose convolutions are not all plain, and what is exported of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from inline_engine import installed_inline

from lcsearch.cli.main import call
from lcsearch.export.load import load_model
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow

SMALL = [
    "--dataset", "digits", "--train-images", "192", "--validation-images", "96", "--image-size", "8",
    "--epochs", "1", "--trials", "4", "--jobs", "1", "--engine", "inline", "--early-stopping", "none",
]  # fmt: skip


@pytest.mark.parametrize(
    ("net", "left"),
    [
        ("half_normalised", "2 of 4 convolutions left plain"),
        ("overheard", "2 of 4 convolutions left plain"),
        ("exchanged", "1 of 4 convolutions left plain"),
        ("listed", None),
        ("cautious", None),
        ("checkpointed", None),
        ("deep", None),
    ],
)
def test_such_nets_are_searched_and_exported(
    net: str, left: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    with installed_inline(tmp_path / "installed"):
        assert call(["run", "--backbone", f"odd_nets:{net}", *SMALL, "--out", str(out)]) == 0
    said = capfd.readouterr().err
    assert ("left plain" in said) == (left is not None) and (left or "") in said
    notes = yaml.safe_load((out / "run.yaml").read_text())["notes"]
    assert sum("left plain" in note for note in notes) == (left is not None)
    trials = read_run(out).trials
    assert {trial.state for trial in trials} <= {"complete", "pruned"}
    smallest = min((t for t in trials if t.state == "complete"), key=lambda t: t.params)
    for name in ("net.pt2", "net.safetensors"):
        assert call(["export", str(out), "--trial", str(smallest.number), "-o", str(tmp_path / name)]) == 0


def test_convolutions_of_one_weight_are_searched_as_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, words = tmp_path / "run", "one choice for convolutions that share a weight: third + fourth"
    with installed_inline(tmp_path / "installed"):
        assert call(["run", "--backbone", "odd_nets:tied", *SMALL, "--out", str(out)]) == 0
    assert (
        words in capfd.readouterr().err and words in yaml.safe_load((out / "run.yaml").read_text())["notes"]
    )
    compressed = [trial for trial in read_run(out).trials if "third" in trial.spec.model.layers]
    assert compressed and all("fourth" not in trial.spec.model.layers for trial in compressed)
    kept = next(
        trial for trial in compressed if (out / f"trials/{trial.number}/weights.safetensors").is_file()
    )
    for name in ("net.pt2", "net.safetensors"):
        assert call(["export", str(out), "--trial", str(kept.number), "-o", str(tmp_path / name)]) == 0
    model = load_model(tmp_path / "net.safetensors")
    own = {name: tensor for name, tensor in model.third.named_parameters() if name != "bias"}
    assert own and all(model.fourth.get_parameter(name) is tensor for name, tensor in own.items())
    assert sum(tensor.numel() for tensor in set(model.parameters())) == kept.params


@pytest.mark.parametrize(("net", "left"), [("exact", ["fourth"]), ("picky", ["second", "third", "fourth"])])
def test_a_convolution_that_is_called_only_as_it_is_stays_plain(
    net: str, left: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    run = ["run", "--backbone", f"odd_nets:{net}", *SMALL]
    words = f"left plain: {', '.join(left)} (the net does not call it once it is replaced: it decides by the"
    with installed_inline(tmp_path / "installed"):
        assert call([*run, "--out", str(out)]) == 0
        assert words in capfd.readouterr().err
        assert call(["resume", str(out), "--trials", "14"]) == 0
        assert words in capfd.readouterr().err
    recorded = yaml.safe_load((out / "run.yaml").read_text())
    assert sum(words in note for note in recorded["notes"]) == 1
    assert [recorded["space"]["layers"][name]["kind"] for name in left] == [["conv"]] * len(left)
    trials = [trial for trial in read_run(out).trials if trial.duplicate_of is None]
    assert len(trials) == 14 and {trial.state for trial in trials} <= {"complete", "pruned"}
    compressed = [trial for trial in trials if trial.spec.model.layers]
    assert compressed and not any(set(left) & trial.spec.model.layers.keys() for trial in compressed)
    assert call(["export", str(out), "--knee", "-o", str(tmp_path / "net.pt2")]) == 0


def test_a_given_config_leaves_such_a_convolution_plain_too(tmp_path: Path) -> None:
    out, config = tmp_path / "run", tmp_path / "given.yaml"
    quarter = {"family": "linear", "alpha": 0.25}
    plain = {"version": 1, "backbone": "odd_nets:exact", "num_classes": 10, "in_channels": 1}
    config.write_text(yaml.safe_dump(plain | {"layers": {"third": quarter, "fourth": quarter}}))
    run = ["run", "--backbone", "odd_nets:exact", *SMALL, "--from", str(config), "--out", str(out)]
    with installed_inline(tmp_path / "installed"):
        assert call(run) == 0
    (given,) = [trial for trial in read_run(out).trials if trial.origin == "given"]
    assert list(given.spec.model.layers) == ["third"]


def test_a_net_that_uses_no_replaced_layer_is_refused_before_the_run_is_made(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, space = tmp_path / "run", tmp_path / "space.yaml"
    layers = '{"fourth": {kind: [conv, linear]}, "*": {kind: [conv]}}'
    space.write_text(f"version: 1\nbackbone: odd_nets:exact\nlayers: {layers}\n")
    run = ["run", "--backbone", "odd_nets:exact", *SMALL, "--space", str(space), "--out", str(out)]
    with installed_inline(tmp_path / "installed"):
        assert call(run) == 2
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1 and not out.exists()
    assert "does not call fourth any more" in said
