"""What a model's start takes of memory is given back before it trains: the system's own count."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

TRAINED = """
import torch
from torch import nn
from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.train import train

def resident() -> int:
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(fields["VmRSS"].split()[0]) >> 10

def start(model: nn.Module) -> None:
    maps = [torch.ones(2**20) for _ in range(101)]
    kept.append(maps.pop())
    during.append(resident())

def report(metrics: object) -> bool:
    after.append(resident())
    return True

torch.set_num_threads(1)
kept, during, after = [], [], []
split = Split(torch.zeros(8, 1, 8, 8, dtype=torch.uint8), torch.arange(8) % 2)
data = SearchData(DatasetInfo("none", 2, 1, 8, (0.5,), (0.3,), False, 0), split, split)
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
recipe = Recipe(epochs=1, batch_size=4)
train(net, data, recipe, Regularizer(0.0), seed=0)
before = resident()
train(net, data, recipe, Regularizer(0.0), seed=0, start=start, report=report)
print(before, *during, *after)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_maps_of_the_start_are_gone_when_it_trains() -> None:
    """100 maps of 4 MiB, freed behind something that stays."""
    done = subprocess.run([sys.executable, "-c", TRAINED], capture_output=True, text=True, check=True)
    before, during, after = map(int, done.stdout.split())
    assert during - before > 390
    assert after - before < 60
