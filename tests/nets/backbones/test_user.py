"""The user's own net by import path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.nets import backbones

SOURCE = """
import torch
from torch import nn

calls = []
number = 3

def plain(num_classes, in_channels):
    calls.append((num_classes, in_channels))
    conv, fc = nn.Conv2d(in_channels, 4, 3), nn.Linear(4, num_classes)
    return nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), fc)

def wide(*, num_classes, in_channels, width=1.0):
    return nn.Conv2d(in_channels, round(8 * width), num_classes)

def reads_values(num_classes, in_channels):
    depth = int(torch.linspace(1, 3, 2).sum().item())
    return nn.Sequential(*[nn.Conv2d(in_channels, in_channels, 3) for _ in range(depth)])

def tied(num_classes, in_channels):
    net = reads_values(num_classes, in_channels)
    net[1].weight = net[0].weight
    return net

def lazy(num_classes, in_channels):
    return nn.LazyConv2d(num_classes, 3)

def nothing(num_classes, in_channels):
    pass

def fails(num_classes, in_channels):
    raise KeyError("first line\\nsecond line")

def other_arguments(classes):
    return nn.Identity()

class Net(nn.Module):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.fc = nn.Linear(in_channels, num_classes)
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that only the current directory holds, under a name of its own per test."""
    name = f"own_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    (tmp_path / f"broken_{name}.py").write_text("def (:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    return name


def build(name: str, width: float = 1.0) -> nn.Module:
    return backbones.build(name, num_classes=5, in_channels=2, width=width)


def test_calls_the_function_of_the_current_directory(module: str) -> None:
    model = build(f"{module}:plain")
    assert model(torch.zeros(1, 2, 8, 8)).shape == (1, 5)


def test_a_class_is_a_function_too(module: str) -> None:
    assert type(build(f"{module}:Net")).__name__ == "Net"


def test_width_goes_to_a_function_that_takes_it(module: str) -> None:
    assert build(f"{module}:wide", width=0.5).weight.shape == (4, 2, 5, 5)


def test_a_function_that_reads_values_can_be_built_on_the_meta_device(module: str) -> None:
    with torch.device("meta"):
        model = build(f"{module}:reads_values")
    assert len(model) == 4  # type: ignore[arg-type]
    assert all(tensor.is_meta for tensor in model.state_dict().values())


def test_tied_tensors_stay_tied_on_the_meta_device(module: str) -> None:
    with torch.device("meta"):
        model = build(f"{module}:tied")
    assert model[0].weight is model[1].weight  # type: ignore[index]
    assert len(list(model.parameters())) == 7


@pytest.mark.parametrize(
    ("name", "width", "message"),
    [
        ("no_such_package.module:f", 1, "cannot import 'no_such_package.module': ModuleNotFoundError"),
        ("broken_{}:f", 1, "SyntaxError"),
        ("{}:plane", 1, "has no 'plane'; did you mean 'plain'"),
        ("{}:number", 1, "'number' is an int, not a function"),
        ("{}:nothing", 1, "returned 'NoneType'; it must return a torch.nn.Module"),
        ("{}:fails", 1, "raised KeyError: .*first line.*second line"),
        ("{}:other_arguments", 1, "called with num_classes=5, in_channels=2, raised TypeError"),
        ("{}:plain", 0.5, "width is 0.5"),
        ("{}:lazy", 1, "lazy"),
        (":f", 1, "not of the form"),
        ("{}:", 1, "not of the form"),
        ("{}:a:b", 1, "not of the form"),
        ("a b:c", 1, "not of the form"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_wrong_input_is_one_clear_line(
    module: str, name: str, width: float, message: str, device: str
) -> None:
    with torch.device(device), pytest.raises(InputError, match=message) as caught:
        build(name.format(module), width)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("backbone=")
