from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lcsearch.train.average import AveragedWeights, decay_per_step


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))
        self.register_buffer("running_mean", torch.zeros(2))
        self.register_buffer("mask", torch.tensor([True, False]))
        self.register_buffer("count", torch.tensor(0))


def _set(net: _Net, value: float, count: int) -> None:
    with torch.no_grad():
        net.weight.fill_(value)
        net.get_buffer("running_mean").fill_(10 * value)
        net.get_buffer("count").fill_(count)


def test_average_is_the_weighted_sum_in_closed_form() -> None:
    net = _Net()
    average = AveragedWeights(net, 0.6)
    values = [1.0, -2.0, 4.0, 8.0] * 3
    for step, value in enumerate(values):
        _set(net, value, step)
        average.update(step)
    # weight of value i = (1 - d_i) * product of the later d_j, in plain floats
    decays = [min(0.6, step / (step + 5)) for step in range(len(values))]
    shares = [(1 - d) * math.prod(decays[i + 1 :]) for i, d in enumerate(decays)]
    assert sum(shares) == pytest.approx(1.0)
    expected = sum(share * value for share, value in zip(shares, values, strict=True))
    with average.in_place():
        assert net.weight.tolist() == pytest.approx([expected] * 3, rel=1e-5)
        assert net.get_buffer("running_mean").tolist() == pytest.approx([10 * expected] * 2, rel=1e-5)
        assert net.get_buffer("count").item() == 11
    assert net.weight.tolist() == [8.0] * 3


def test_no_decay_means_no_averaging() -> None:
    net = _Net()
    average = AveragedWeights(net, decay_per_step(0.0, 78))
    for step, value in enumerate([1.0, 5.0, 3.0]):
        _set(net, value, step)
        average.update(step)
    average.swap()
    assert net.weight.tolist() == [3.0] * 3


def test_masks_are_copied_at_once() -> None:
    net = _Net()
    average = AveragedWeights(net, 0.99)
    for step in range(50):
        average.update(step)
    net.get_buffer("mask").copy_(torch.tensor([False, True]))
    average.update(50)
    average.swap()
    assert net.get_buffer("mask").tolist() == [False, True]


def test_window_is_the_time_constant() -> None:
    # after half an epoch of 100 steps, a window of half an epoch keeps 1/e of what was there
    assert decay_per_step(0.5, 100) ** 50 == pytest.approx(1 / math.e)


def test_state_goes_over_to_another_average() -> None:
    net, other = _Net(), _Net()
    average = AveragedWeights(net, 0.9)
    _set(net, 7.0, 1)
    average.update(0)
    fresh = AveragedWeights(other, 0.9)
    fresh.load(average.state())
    fresh.swap()
    assert other.weight.tolist() == [7.0] * 3
