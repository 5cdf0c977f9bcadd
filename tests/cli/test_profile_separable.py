"""``lcsearch profile --family separable``, and separable layers in config files that do not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from profile_runs import as_json, invoke

import lcsearch
from lcsearch.core.config import read_config
from lcsearch.core.errors import InputError

pytestmark = pytest.mark.slow

BASE = ("--backbone", "base", "--family", "separable")


@pytest.mark.parametrize(
    ("arguments", "params", "macs"),
    [
        (["--terms", "1"], 32 * 64 + 9 * 64, 256 * (32 * 64 + 9 * 64)),
        (["--terms", "2"], 2 * (32 * 64 + 9 * 64), 256 * 2 * (32 * 64 + 9 * 64)),
        (["--terms", "1", "--rank", "8"], 8 * (32 + 64) + 9 * 64, 256 * (8 * (32 + 64) + 9 * 64)),
        (["--terms", "3", "--rank", "99"], 32 * (32 + 192) + 27 * 64, 256 * (32 * (32 + 192) + 27 * 64)),
        (["--terms", "12", "--rank", "99"], 32 * 64 * 9, 256 * 32 * 64 * 9),  # 9 terms, 32: more than plain
    ],
)
def test_terms_and_rank_are_those_of_every_layer(arguments: list[str], params: int, macs: int) -> None:
    got = as_json(*BASE, *arguments)
    row = {row["name"]: row for row in got["layers"]}["features.4"]
    assert (row["params"], row["macs"]) == (params + 64, macs)
    assert got["left_plain"] == []


def test_numbers_of_a_layer_are_said() -> None:
    row = as_json(*BASE, "--terms", "2", "--rank", "8")["layers"][1]
    assert (row["family"], row["terms"], row["rank"]) == ("separable", 2, 8)
    lines = invoke(*BASE, "--terms", "2", "--rank", "8").stdout.splitlines()
    assert any("separable" in line and "2 terms" in line and "rank 8" in line for line in lines)


def test_what_cannot_be_separable_is_left_plain_and_listed() -> None:
    arguments = ("--backbone", "resnet18", "--width", "0.125", "--family", "separable", "--terms", "1")
    got = as_json(*arguments)
    left = {one["name"]: one["why"] for one in got["left_plain"]}
    families = {row["name"]: row["family"] for row in got["layers"] if row["family"] != "dense"}
    assert len(left) == 3 and set(left.values()) == {"its kernel is 1x1"}
    assert {name for name, family in families.items() if family == "conv"} == set(left)
    words = [line for line in invoke(*arguments).stdout.splitlines() if line.startswith("left plain: ")]
    assert len(words) == 1 and words[0].endswith("(its kernel is 1x1)")


def test_all_may_be_left_plain() -> None:
    got = as_json("--backbone", "resnext29", "--width", "0.125", "--family", "separable", "--terms", "1")
    assert {one["why"] for one in got["left_plain"]} == {"it has 2 groups", "its kernel is 1x1"}
    assert got["params"] == got["baseline_params"] and got["macs"] == got["baseline_macs"]


def test_without_terms_nothing_is_left_plain_for_the_family() -> None:
    got = as_json("--backbone", "resnet18", "--width", "0.125", "--family", "separable", "--channels", "0.5")
    assert got["left_plain"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "terms: is missing"),
        (["--terms", "0"], "terms: 0 is not at least 1"),
        (["--terms", "1", "--rank", "0"], "rank: 0 is not at least 1"),
        (["--terms", "1", "--alpha", "0.5"], "alpha: means nothing with"),
    ],
)
def test_bad_options_are_named(arguments: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        invoke(*BASE, *arguments)
    assert message in str(caught.value)


def config(path: Path, backbone: str, layers: str) -> Path:
    path.write_text(f"version: 1\nbackbone: {backbone}\nnum_classes: 10\nin_channels: 1\nlayers:\n{layers}\n")
    return path


BAD = {
    "features.4: {family: separable, terms: 0}": (
        'layers."features.4".terms: 0 is not allowed; it must be at least 1'
    ),
    "features.4: {family: separable, terms: 1.5}": 'layers."features.4".terms: 1.5 is not a whole number',
    "features.4: {family: separable, terms: 10}": (
        "layers.features.4: terms=10 must be in 1..9 for a 3x3 kernel"
    ),
    "features.4: {family: separable, rank: 0}": (
        'layers."features.4".rank: 0 is not allowed; it must be at least 1'
    ),
    "features.4: {family: separable, rank: 33}": (
        "layers.features.4: rank=33 must be in 1..32 for 32 input channels and 1 x 64 mixed ones"
    ),
    "features.4: {family: separable, alpha: 0.5}": (
        'layers."features.4".alpha: unknown key; choose from rank, terms'
    ),
}


@pytest.mark.parametrize("layer", BAD)
def test_a_config_that_does_not_fit_is_said_in_one_line(layer: str, tmp_path: Path) -> None:
    path = config(tmp_path / "best.yaml", "base", f"  {layer}")
    for use in (lambda: lcsearch.load_model(path), lambda: invoke("--config", str(path))):
        with pytest.raises(InputError) as caught:
            use()
        assert BAD[layer] in str(caught.value) and "\n" not in str(caught.value)


def test_a_layer_that_cannot_be_separable_is_said_with_its_name(tmp_path: Path) -> None:
    layers = {"blocks.5.depthwise.0": "it is depthwise", "blocks.5.expand.0": "its kernel is 1x1"}
    for name, why in layers.items():
        path = config(tmp_path / "best.yaml", "mobilenetv2", f'  "{name}": {{family: separable}}')
        with pytest.raises(InputError, match=f"layers.{name}: cannot be separable: {why}$"):
            lcsearch.load_model(path)


def test_the_command_ends_with_code_2_and_one_line(tmp_path: Path) -> None:
    path = config(tmp_path / "best.yaml", "base", "  features.4: {family: separable, terms: 10}")
    code = "from lcsearch.cli.main import main; main()"
    command = [sys.executable, "-c", code, "profile", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and "terms=10 must be in 1..9" in done.stderr


def test_configs_without_the_family_load_as_they_did(tmp_path: Path) -> None:
    path = config(tmp_path / "best.yaml", "base", "  features.4: {family: linear, alpha: 0.5, rank: 3}")
    plain = read_config(path).spec.model.to_plain()
    assert json.loads(json.dumps(plain["layers"])) == {
        "features.4": {"family": "linear", "alpha": 0.5, "rank": 3}
    }
    assert type(lcsearch.load_model(path).get_submodule("features.4")).__name__ == "LinearConv2d"
