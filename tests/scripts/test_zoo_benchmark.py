"""The zoo's table: a net that is looked at, one that fails, and nothing done twice."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
import torchvision
from programs import SCRIPTS
from torch import nn

pytestmark = pytest.mark.slow


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPTS)
    module = importlib.import_module("bench_zoo")
    monkeypatch.setattr(module, "COUNTED", 5)
    return module


def test_each_net_is_a_line_and_none_fails_silently(zoo: ModuleType) -> None:
    names = ["torchvision:squeezenet1_1", "torchvision:nothing"]
    lines = [line for name in names for line in zoo.do(name)]
    good, bad = lines
    net = torchvision.models.squeezenet1_1(num_classes=10)
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert good["convolutions"] == len(convolutions) and 0 < good["searched"] <= len(convolutions)
    assert 0.5 < good["share"] < 1 and good["left"] == []
    assert good["smallest"] < sum(p.numel() for p in net.parameters()) <= good["largest"]
    assert good["macs_ratio"] == pytest.approx(1, abs=1e-3) and 0 <= good["folded"] < 1e-5
    assert "torchvision has no classification net 'nothing'" in bad["problem"]
    said = zoo.table(lines).splitlines()
    assert [line.count("|") for line in said] == [13] * 4
    assert zoo.tasks([*names, "timm:vgg11"], lines) == ["timm:vgg11"]
