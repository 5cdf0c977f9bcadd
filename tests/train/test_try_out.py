"""What would fail in a trial is found before there is a run; the line names the layer and what it lacks."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.search.make import create
from lcsearch.train.try_out import try_out

SOURCE = """
import torch
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, 8, 3, padding=1)
        self.mid = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.out = nn.Linear(8, num_classes)

    def features(self, x):
        return F.relu(self.norm(self.mid(F.relu(self.stem(x))))).mean((2, 3))

    def forward(self, x):
        return self.out(self.features(x))

class Named(Net):
    def forward(self, x):
        features = self.features(x)
        return {"features": features, "logits": self.out(features)}

def graph(num_classes, in_channels):
    return torch.fx.symbolic_trace(Net(num_classes, in_channels))

def graph_of_two(num_classes, in_channels):
    class Two(Net):
        def forward(self, x):
            return super().forward(x), x
    return torch.fx.symbolic_trace(Two(num_classes, in_channels))

class Fewer(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(7, in_channels)

class Places(Net):
    def forward(self, x):
        return self.out(self.mid(self.stem(x)).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

class InPlace(Net):
    def forward(self, x):
        return super().forward(x.sub_(0.1))

class Words(Net):
    def forward(self, x):
        return "a digit"

class Chosen(Net):
    def forward(self, x):
        return super().forward(x).long()

class Overflows(Net):
    def forward(self, x):
        return super().forward(x) / 0

class CastsItself(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, in_channels)
        self.double()

    def forward(self, x):
        return super().forward(x.double()).float()

class Double(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, in_channels)
        self.double()

class NoGradient(Net):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)

class OnlyInTraining(Net):
    def features(self, x):
        x = super().features(x)
        return self.missing(x) if self.training else x

class ReadsFilters(Net):
    def features(self, x):
        return F.relu(F.conv2d(self.stem(x), self.mid.weight, self.mid.bias)).mean((2, 3))

class ReadsWeight(Net):
    def features(self, x):
        mid = self.mid.of_mine if hasattr(self.mid, "primary") else self.mid
        return mid(self.stem(x)).mean((2, 3))
"""

INFO = DatasetInfo("noise", 3, 1, 8, (0.5,), (0.3,), False, 0)
ONCE = Recipe(epochs=1)


def noise() -> SearchData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (6, 1, 8, 8), generator=generator).byte()
    split = Split(images, torch.tensor([0, 1, 2, 0, 1, 2]))
    return SearchData(INFO, split, split)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"tried_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return name


def tried(module: str, net: str, recipe: Recipe = ONCE, cut: bool = True) -> list[str]:
    plain = ModelSpec(f"{module}:{net}", 3, 1)
    compressed = ModelSpec(plain.backbone, 3, 1, layers={"mid": LinearSpec(alpha=0.25)})
    return [
        note.removeprefix(f"{module}:{net}: ")
        for note in try_out(plain, compressed, noise(), recipe, cut=cut)
    ]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("net", ["Net", "graph", "InPlace"])
def test_a_sound_net_is_nothing_to_speak_of(module: str, net: str, precision: str) -> None:
    assert tried(module, net, Recipe(epochs=1, precision=precision)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("net", "note"),
    [
        ("Named", "in training and evaluation of a dict 'logits' alone is used"),
        ("Double", "its parameters in float64 are trained in float32"),
        ("ReadsFilters", "macs leave out mid: filters used without calling their layer"),
    ],
)
def test_what_is_changed_or_left_out_is_said(module: str, net: str, note: str) -> None:
    assert tried(module, net) == [note]


@pytest.mark.parametrize(
    ("net", "problem"),
    [
        ("Fewer", "gives 7 outputs in evaluation; the data set has 3 classes: .*new_head=True"),
        ("graph_of_two", r"the net is of a kind \(Two\) that must give logits"),
        ("Places", r"gives a tensor of shape \(2, 3, 8, 8\) in evaluation; logits \(2, 3\)"),
        ("Words", "gives a str without a tensor in it"),
        ("Chosen", "gives int64 in evaluation; float32 is needed"),
        ("Overflows", "gives NaN or infinity in evaluation"),
        ("CastsItself", r"layer 'stem' \(Conv2d\), given \(2, 1, 8, 8\) float64: RuntimeError"),
        ("NoGradient", "cannot be trained: no parameter with a gradient changes its logits"),
        ("OnlyInTraining", "its own forward.* AttributeError: .* 'missing'"),
        ("ReadsWeight", "with its convolutions replaced fails in its own forward.* 'of_mine'"),
    ],
)
def test_what_would_fail_is_one_line_of_the_layer(module: str, net: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        tried(module, net)
    assert str(caught.value).startswith(f"backbone='{module}:{net}': the net")
    assert "\n" not in str(caught.value) and "image_size" not in str(caught.value)


@pytest.mark.parametrize("layers", [{}, {"mid": LinearSpec(alpha=0.25)}])
def test_channels_are_cut_out_too(
    module: str, layers: dict[str, LinearSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ModelSpec(f"{module}:Net", 3, 1)
    thin = replace(plain, layers=layers, channels={"stem": 0.5, "mid": 0.25}, image_size=(8, 8))
    assert try_out(plain, thin, noise(), ONCE, cut=True) == []

    def fails(*args: object, **options: object) -> None:
        raise TypeError("cannot be thinned")

    monkeypatch.setattr("lcsearch.compress.thinned.Thinner.__init__", fails)
    with pytest.raises(InputError, match="cut out of trained weights fails: TypeError: cannot be thinned"):
        try_out(plain, thin, noise(), ONCE, cut=True)


def test_no_random_generator_is_moved(module: str) -> None:
    def state() -> tuple[object, ...]:
        return random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().tolist()  # type: ignore[union-attr]

    before = state()
    tried(module, "Net")
    assert state() == before


def test_a_net_whose_cut_out_fails_is_found_only_where_one_is_made(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **options: object) -> None:
        raise TypeError("cannot be copied")

    monkeypatch.setattr("lcsearch.train.try_out.cut_out", fails)
    assert tried(module, "Net", cut=False) == []
    with pytest.raises(InputError, match="cut out of trained weights fails: TypeError"):
        tried(module, "Net")


def run(module: str, net: str, out: Path) -> list[str]:
    said = {"backbone": f"{module}:{net}", "dataset": "digits", "train_images": 200, "epochs": 1, "out": out}
    return create({**said, "trials": 1, "init": "scratch"}).introduction()


def test_a_run_says_it_and_a_net_that_fails_makes_none(module: str, tmp_path: Path) -> None:
    line = f"{module}:Named: in training and evaluation of a dict 'logits' alone is used"
    assert run(module, "Named", tmp_path / "named")[-1] == line
    with pytest.raises(InputError, match="gives 7 outputs"):
        run(module, "Fewer", tmp_path / "fewer")
    assert not (tmp_path / "fewer").exists()
