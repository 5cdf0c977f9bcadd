"""Nets that cannot be searched, as a user meets them: one line, exit code 2, and no run directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcsearch.cli.main import call

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(in_channels, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3))
        self.score = nn.Linear(16, num_classes)

    def forward(self, x):
        return self.score(self.body(x).mean((2, 3)))

class TwoHundred(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(200, in_channels)

class Everywhere(Net):
    def forward(self, x):
        return self.body(x)

class Colours(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, 3)

class OnlyWhenTrained(Net):
    def forward(self, x):
        return super().forward(x) if not self.training else self.score(x)

class Flat(nn.Sequential):
    def __init__(self, num_classes, in_channels):
        layers = nn.Conv2d(in_channels, 16, 3), nn.Conv2d(16, 16, 3), nn.Flatten()
        super().__init__(*layers, nn.Linear(16 * 12 * 12, num_classes))

def scripted(num_classes, in_channels):
    return torch.jit.script(nn.Sequential(nn.Conv2d(in_channels, 16, 3), nn.Flatten()))
"""


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        ("TwoHundred", ["200 outputs", "10 classes", "num_classes", "--new-head"]),
        ("Everywhere", ["(2, 16, 4, 4)", "logits (2, 10)"]),
        ("Colours", ["layer 'body.0' (Conv2d), given (1, 1, 8, 8) float32", "3 channels"]),
        ("OnlyWhenTrained", ["layer 'score' (Linear), given (2, 1, 8, 8) float32"]),
        ("Flat", ["layer '3' (Linear), given (1, 256) float32", "--image-size 16"]),
        ("scripted", ["torch.jit"]),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_is_one_clear_line_and_makes_nothing(
    net: str,
    expected: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"wrong_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    small = ["--dataset", "digits", "--image-size", "8", "--train-images", "192", "--epochs", "1"]
    out = tmp_path / "run"
    assert call(["run", "--backbone", f"{name}:{net}", *small, "--trials", "1", "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1, said
    assert said.startswith("lcsearch: error: ") and all(part in said for part in expected), said
    if net != "Flat":
        assert "--image-size" not in said
    assert not out.exists()
