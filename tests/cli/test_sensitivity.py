"""``lcsearch sensitivity``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file
from tiny_net import tiny

from lcsearch.cli.main import call
from lcsearch.cli.sensitivity import sensitivity
from lcsearch.core.spec import ModelSpec
from lcsearch.nets import surgery
from lcsearch.search import progress

DATA = ("--dataset", "fashion-mnist", "--train-images", "400", "--image-size", "8", "--device", "cpu")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_file(surgery.build_model(ModelSpec("base", 10, 1)).state_dict(), tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def invoke(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(sensitivity, arguments, catch_exceptions=False)


@pytest.mark.slow
def test_a_table_of_80_columns_and_a_page(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0.0)
    page = weights.with_suffix(".html")
    result = invoke("--backbone", "base", "--init", str(weights), *DATA, "--out", str(page))
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80 and any("features.12" in line for line in lines)
    assert "on 144 images" in lines[-1]
    assert "fitting layer 2 of 3" in result.stderr and "on image 65 of 144" in result.stderr
    text = page.read_text()
    assert "http-equiv" in text and "src=" not in text.split("<script")[0]
    assert '"sensitivity":{"data":[{' in text


@pytest.mark.slow
def test_json_is_one_object_with_every_row(weights: Path) -> None:
    plain = json.loads(invoke("--backbone", "base", "--init", str(weights), *DATA, "--json").stdout)
    assert list(plain)[:2] == ["backbone", "dataset"] and plain["images"] == 144
    assert {row["layer"] for row in plain["rows"]} == {"features.4", "features.8", "features.12"}
    own = {"linear": {"alpha", "rank"}, "separable": {"terms", "rank"}}
    assert {row["family"] for row in plain["rows"]} == set(own)
    for row in plain["rows"]:
        assert set(row) >= {"layer", "params", "loss", "accuracy", "divergence"} | own[row["family"]]


SPACE = """
version: 1
backbone: "*"
layers: {"*": {kind: [conv, linear], channels: {low: 0.25, high: 1.0}}}
"""


@pytest.mark.slow
def test_where_channels_are_searched_groups_of_them_are_shown(tmp_path: Path) -> None:
    weights, space = tmp_path / "w.safetensors", tmp_path / "space.yaml"
    save_file(tiny(10, 1).state_dict(), weights)
    space.write_text(SPACE)
    asked = ("--backbone", "tiny_net:tiny", "--init", str(weights), *DATA, "--space", str(space))
    lines = invoke(*asked).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:4] == ["3", "24", "of", "32"] for line in lines)
    rows = json.loads(invoke(*asked, "--json").stdout)["channels"]
    assert [row["kept"] for row in rows if row["group"] == "3"] == [24, 16, 8]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backbone", "base", "--init", "none.pt"], "--init none.pt: no such file"),
        (["--backbone", "base", "--init", "pretrained"], "--init pretrained: there are weights for"),
        (["--init", "none.pt"], "--backbone: is missing"),
        (["--backbone", "bass", "--init", "none.pt"], "did you mean 'base'?"),
        (["--backbone", "base", "--init", "x", "--out", "x.pdf"], "--out: x.pdf must end in .html"),
        (["--backbone", "base", "--init", "."], "--init: .: is not a run directory"),
        (["--backbone", "base", "--init", "x", "--device", "abacus"], "--device abacus: "),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(["sensitivity", *arguments, *DATA[:-2]]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("lcsearch: error")]
    assert len(errors) == 1 and words in errors[0]


NETS = """
from torch import nn

class Pair(nn.Sequential):
    def __init__(self, num_classes, in_channels):
        super().__init__(nn.Conv2d(in_channels, 16, 3), nn.Flatten(1), nn.Linear(16 * 6 * 6, num_classes))

    def forward(self, x):
        return super().forward(x), x

class Eleven(Pair):
    def __init__(self, num_classes, in_channels):
        super().__init__(11, in_channels)
"""


@pytest.mark.parametrize(
    ("net", "code", "words"),
    [
        ("Pair", 0, ": of a tuple of 2 the first tensor alone is used"),
        ("Eleven", 2, ": the net gives 11 outputs in evaluation; the data set has 10 classes"),
    ],
)
def test_what_a_net_answers_is_looked_at_first(
    net: str, code: int, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name = f"pairs_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    with torch.random.fork_rng():
        model = surgery.build_model(ModelSpec(f"{name}:{net}", 10, 1))
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    digits = ("--dataset", "digits", "--image-size", "8", "--train-images", "300", "--device", "cpu")
    arguments = ["--backbone", f"{name}:{net}", "--init", str(tmp_path / "w.safetensors"), *digits]
    assert call(["sensitivity", *arguments]) == code
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if f"{name}:{net}{words}" in line]
    assert ("fitting each layer" in said) == (code == 0)
