"""A net that makes outputs of its own number is built with one for each class, by its name alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.backbones import find, plain_form, with_head
from lcsearch.nets.head import give_outputs, outputs_of
from lcsearch.nets.new_head import with_new_head
from lcsearch.nets.surgery import build_model

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, in_channels, width=1.0):
        super().__init__()
        self.score = nn.Linear(6, 9)
        self.conv = nn.Conv2d(in_channels, 6, 3)

    def forward(self, x):
        return self.score(self.conv(x).mean((2, 3)))

class Points(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, in_channels)
        self.points = nn.Conv2d(6, 9, 1, bias=False)

    def forward(self, x):
        return {"logits": self.points(self.conv(x).mean((2, 3), keepdim=True)).flatten(1)}

class Scaled(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, in_channels)
        self.scale = nn.Parameter(torch.ones(9))

    def forward(self, x):
        return super().forward(x) * self.scale

class Attends(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, in_channels)
        self.score = nn.Bilinear(6, 6, 9)

    def forward(self, x):
        x = self.conv(x).mean((2, 3))
        return self.score(x, x)

class Obedient(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, in_channels)
        self.score = nn.Linear(6, num_classes)

def wrapped(num_classes, in_channels):
    return nn.DataParallel(Net(num_classes, in_channels))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"heads_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize(("net", "head"), [("Net", "score"), ("Points", "points"), ("wrapped", "score")])
def test_the_name_alone_makes_it(module: str, net: str, head: str) -> None:
    name, words = with_new_head(ModelSpec(f"{module}:{net}", 4, 1), 8)
    assert name == f"{module}:{net}@head={head}"
    assert words == f"the layer that gives the logits ({head}) is made new: 4 outputs instead of 9"
    model = build_model(ModelSpec(name, 4, 1))
    layer = model.get_submodule(head)
    assert isinstance(layer, nn.Linear | nn.Conv2d)
    assert len(layer.weight) == 4 and bool(layer.weight.isfinite().all()) and bool((layer.weight != 0).any())
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 4)
    with torch.device("meta"):
        assert build_model(ModelSpec(name, 4, 1)).get_submodule(head).weight.shape == layer.weight.shape
    assert plain_form(name) == f"{module}:{net}"
    assert find(name) is find(f"{module}:{net}")


def test_random_numbers_stay_as_they_were(module: str) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with_new_head(ModelSpec(f"{module}:Net", 4, 1), 8)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("backbone", ["Obedient", "base"])
def test_a_net_that_does_as_it_is_told_stays(module: str, backbone: str) -> None:
    name = backbone if backbone == "base" else f"{module}:{backbone}"
    assert with_new_head(ModelSpec(name, 4, 1), 16) == (name, "")


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ("Scaled", "new_head: does not help: with a new 'score' the net does not give 4 outputs"),
        ("Attends", "'score', cannot be made new: it is a Bilinear, and must be a linear layer or a conv"),
    ],
)
def test_a_head_that_cannot_be_made_new_is_named(module: str, net: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_new_head(ModelSpec(f"{module}:{net}", 4, 1), 8)


def test_a_name_of_no_layer_is_refused(module: str) -> None:
    with pytest.raises(InputError, match="'scores', cannot be made new: it is no layer of the net"):
        build_model(ModelSpec(with_head(f"{module}:Net", "scores"), 4, 1))


def test_a_layer_of_the_right_number_keeps_its_weights() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    before = net[1].weight
    give_outputs(net, "1", 3)
    assert net[1].weight is before
    give_outputs(net, "1", 5)
    assert net[1].out_features == 5 and outputs_of(net, (1, 2, 2)) == 5


def test_a_net_that_does_not_run_has_no_outputs() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError

    assert outputs_of(Broken(), (1, 2, 2)) is None
