"""Nets that come wrapped, compiled, scripted, or in other types than float32."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import lcsearch
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.nets import backbones, surgery

SOURCE = """
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

def inner(num_classes, in_channels):
    layers = nn.Conv2d(in_channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes)
    return nn.Sequential(*layers)

def parallel(num_classes, in_channels):
    return nn.DataParallel(inner(num_classes, in_channels))

def averaged(num_classes, in_channels):
    return AveragedModel(inner(num_classes, in_channels))

def twice(num_classes, in_channels):
    return torch.compile(nn.DataParallel(torch.compile(inner(num_classes, in_channels))))

def in_place(num_classes, in_channels):
    net = inner(num_classes, in_channels)
    net.compile()
    net[0].compile()
    return net

def part(num_classes, in_channels):
    net = inner(num_classes, in_channels)
    net[0] = nn.DataParallel(net[0])
    return net

def scripted(num_classes, in_channels):
    return torch.jit.script(inner(num_classes, in_channels))

def scripted_inside(num_classes, in_channels):
    return nn.DataParallel(scripted(num_classes, in_channels))

def traced(num_classes, in_channels):
    net = nn.Flatten()
    return torch.jit.trace(net, torch.zeros(1, in_channels, 4, 4, device="cpu"))

class Pair(nn.Module):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.net = inner(num_classes, in_channels)

    def forward(self, x):
        return self.net(x), x

def pair(num_classes, in_channels):
    return Pair(num_classes, in_channels)

def double(num_classes, in_channels):
    return inner(num_classes, in_channels).double()

def part_half(num_classes, in_channels):
    net = inner(num_classes, in_channels)
    net[0].half()
    net.twin = net[0]
    return net
"""
NAMES = ["0.weight", "0.bias", "3.weight", "3.bias"]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"wrapped_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return name


def build(module: str, name: str, **options: bool) -> nn.Module:
    return backbones.build(f"{module}:{name}", num_classes=3, in_channels=1, **options)


@pytest.mark.parametrize("name", ["parallel", "averaged", "twice", "in_place", "part"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_net_is_taken_out_of_what_wraps_it(module: str, name: str, device: str) -> None:
    with torch.device(device):
        model = build(module, name)
        assert list(model.state_dict()) == NAMES
        assert not any(m._compiled_call_impl for m in model.modules())
        assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize("name", ["scripted", "scripted_inside", "traced"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_scripted_net_is_refused_by_name(module: str, name: str, device: str) -> None:
    with torch.device(device), pytest.raises(InputError, match="is scripted or traced") as caught:
        build(module, name)
    assert str(caught.value).startswith("backbone=")


@pytest.mark.parametrize(("name", "dtype"), [("double", torch.float64), ("part_half", torch.float16)])
def test_other_types_become_float32_unless_the_net_is_wanted_as_written(
    module: str, name: str, dtype: torch.dtype
) -> None:
    model = build(module, name)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert build(module, name, as_written=True)[0].weight.dtype == dtype  # type: ignore[index]


def test_the_users_own_loop_gets_a_net_as_written(module: str) -> None:
    spec = ModelSpec(f"{module}:pair", 3, 1)
    images = torch.zeros(2, 1, 8, 8)
    assert isinstance(surgery.build_model(spec)(images), torch.Tensor)
    assert isinstance(lcsearch.build_model(spec)(images), tuple)


def test_shared_layers_stay_shared(module: str) -> None:
    model = build(module, "part_half")
    assert model.twin is model[0]  # type: ignore[index]
