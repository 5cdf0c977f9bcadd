"""Nets are tried on noise for loops that lcsearch does not know, which may take any answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.train.try_own import try_own

SOURCE = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.one = nn.Conv2d(in_channels, 8, 3, padding=1)
        self.two = nn.Conv2d(8, num_classes, 3, padding=1)

    def forward(self, x):
        return self.two(self.one(x).relu())

class Maps(Net):
    def forward(self, x):
        return {"maps": [super().forward(x)], "size": 3}

def double(num_classes, in_channels):
    return Net(num_classes, in_channels).double()

class Exact(Net):
    def forward(self, x):
        return self.two(x) if type(self.one) is not nn.Conv2d else super().forward(x)

class Skips(Net):
    def forward(self, x):
        x = self.one(x)
        return self.two(x) if type(self.two) is nn.Conv2d else x

class Pairs(Net):
    def forward(self, x):
        if self.training and len(x) % 3:
            raise ValueError("three images of each kind are needed")
        return super().forward(x)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"tried_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def tried(backbone: str) -> list[str]:
    layers = dict.fromkeys(("one", "two"), LinearSpec(0.25))
    return try_own(ModelSpec(backbone, 6, 2), ModelSpec(backbone, 6, 2, layers=layers), (2, 6, 6))


@pytest.mark.parametrize("net", ["Net", "Maps", "double"])
def test_whatever_a_net_answers_will_do(module: str, net: str) -> None:
    assert tried(f"{module}:{net}") == []


@pytest.mark.parametrize(
    ("net", "problem"),
    [
        ("Exact", "the net with its convolutions replaced fails in layer 'two'"),
        ("Skips", "with its convolutions replaced the net does not call two any more"),
    ],
)
def test_a_net_that_does_not_work_with_layers_is_refused(module: str, net: str, problem: str) -> None:
    with pytest.raises(InputError, match=f"^backbone='{module}:{net}': {problem}"):
        tried(f"{module}:{net}")


def test_of_a_net_that_wants_something_else_nothing_is_known(module: str) -> None:
    (said,) = tried(f"{module}:Pairs")
    assert said.startswith(f"{module}:Pairs: on noise the net fails in its own forward")
    assert said.endswith(
        "ValueError: three images of each kind are needed; so whether it uses layers in place of its "
        "convolutions is not known"
    )


def test_random_numbers_stay_as_they_were(module: str) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    tried(f"{module}:Net")
    assert torch.equal(torch.rand(2), expected)
