"""The choice of channels against least squares by NumPy and all subsets, and weights that are solved."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from live_bytes import LiveBytes
from torch import Tensor

from lcsearch.compress.channel_choice import by_need, need_of, solved

Array = npt.NDArray[np.float64]


def drawn(seed: int, rows: int, size: int, rank: int) -> Array:
    """Channels at places, of a rank, some more alike than others."""
    random = np.random.default_rng(seed)
    mixed: Array = random.normal(size=(rows, rank)) @ random.normal(size=(rank, size))
    return mixed * random.uniform(0.2, 3, size)


def untold(channels: Array, chosen: tuple[int, ...]) -> float:
    """What some channels do not tell of all of them."""
    own = channels[:, list(chosen)]
    return float(((channels - own @ np.linalg.lstsq(own, channels, rcond=None)[0]) ** 2).sum())


def need(channels: Array) -> Tensor:
    return torch.from_numpy(channels.T @ channels)


@given(seed=st.integers(0, 10_000), size=st.integers(1, 12), data=st.data())
@settings(max_examples=40, deadline=None)
def test_each_channel_is_the_one_that_leaves_least(seed: int, size: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, size))
    channels = drawn(seed, 40, size, size)
    chosen = by_need(need(channels), count)
    for place in range(count):
        before = tuple(chosen[:place])
        left = {c: untold(channels, (*before, c)) for c in range(size) if c not in before}
        assert left[chosen[place]] <= min(left.values()) * (1 + 1e-3) + 1e-6 * (channels**2).sum()


@pytest.mark.parametrize("seed", range(20))
def test_the_choice_is_nearly_the_best_of_all(seed: int) -> None:
    channels = drawn(seed, 50, 8, 8)
    chosen = by_need(need(channels), 3)
    best = min(untold(channels, own) for own in combinations(range(8), 3))
    assert untold(channels, tuple(chosen)) <= 1.25 * best


@given(seed=st.integers(0, 10_000), rank=st.integers(1, 5), more=st.integers(0, 5), extra=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_nothing_is_lost_where_others_tell_all(seed: int, rank: int, more: int, extra: int) -> None:
    channels = drawn(seed, 40, rank + more, rank)
    chosen = by_need(need(channels), min(rank + extra, rank + more))
    assert len(set(chosen)) == len(chosen) == min(rank + extra, rank + more)
    assert untold(channels, tuple(chosen)) <= 1e-5 * (channels**2).sum()


def test_fewer_channels_are_the_first_of_more() -> None:
    own = need(drawn(0, 60, 20, 20))
    assert by_need(own, 7) == by_need(own, 20)[:7] and sorted(by_need(own, 20)) == list(range(20))


@pytest.mark.parametrize("rank", [3, 20])
def test_blocks_give_one_channel_each_in_turn(rank: int) -> None:
    order = by_need(need(drawn(0, 60, 20, rank)), 20, blocks=4)
    for turn in range(5):
        assert sorted(place // 5 for place in order[4 * turn : 4 * turn + 4]) == [0, 1, 2, 3]
    assert sorted(order) == list(range(20)) and order[0] == by_need(need(drawn(0, 60, 20, rank)), 1)[0]


def test_once_all_is_told_the_largest_follow_then_the_first() -> None:
    assert by_need(torch.tensor([[4.0, 4, 6], [4, 4, 6], [6, 6, 9]]).double(), 3) == [2, 0, 1]
    alike = torch.tensor([1.0, 3, 2, 5, 4]).double()
    assert by_need(torch.outer(alike, alike), 5) == [3, 4, 1, 2, 0]
    assert by_need(torch.zeros(3, 3).double(), 2) == [0, 1]


def test_without_what_they_tell_of_each_other_the_largest_are_chosen() -> None:
    assert by_need(torch.diag(torch.tensor([1.0, 5, 0, 3])).double(), 4) == [1, 3, 0, 2]


def test_the_need_weighs_covariance_or_moments() -> None:
    channels, matters = torch.randn(30, 4).double() + 2, torch.tensor([1.0, 2, 0.5, 3]).double()
    moments = channels.T @ channels / 30
    found = need_of(moments, channels.mean(0), matters)
    assert torch.allclose(found, torch.cov(channels.T * matters[:, None], correction=0))
    weighed = channels * matters
    assert torch.allclose(need_of(moments, None, matters), weighed.T @ weighed / 30)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(("count", "size"), [(50, 6), (6, 50), (12, 12)])
def test_weights_are_those_of_ridge_regression(count: int, size: int, centred: bool) -> None:
    """Ridge regression as least squares with more rows, around the old weights."""
    random = np.random.default_rng(count)
    x, y, old = (
        random.normal(1, 2, (count, size)),
        random.normal(3, 1, (count, 4)),
        random.normal(size=(4, size)),
    )
    a, b = (x - x.mean(0), y - y.mean(0)) if centred else (x, y)
    damp = 0.05 * (a**2).mean() * count
    rows = np.concatenate([a, np.sqrt(damp) * np.eye(size)])
    step = np.linalg.lstsq(rows, np.concatenate([b - a @ old.T, np.zeros((size, 4))]), rcond=None)[0]
    weight, bias = solved(*map(torch.from_numpy, (x, y, old)), centred=centred, ridge=0.05)
    assert np.allclose(weight, old + step.T)
    assert np.allclose(bias, y.mean(0) - (old + step.T) @ x.mean(0))


@pytest.mark.parametrize("count", [5, 40])
def test_weights_stay_where_the_answers_are_as_before(count: int) -> None:
    x, weight = torch.randn(count, 10), torch.randn(3, 10)
    found, bias = solved(x, x @ weight.T + 7, weight, centred=True)
    assert torch.allclose(found, weight, atol=1e-5) and torch.allclose(bias, torch.full((3,), 7.0), atol=1e-5)


def test_inputs_that_say_nothing_leave_the_weights() -> None:
    weight = torch.randn(3, 4)
    found, bias = solved(torch.zeros(9, 4), torch.ones(9, 3), weight, centred=True)
    assert torch.equal(found, weight) and torch.equal(bias, torch.ones(3))


def test_numbers_that_are_none_come_back_as_none() -> None:
    x = torch.full((9, 4), float("nan"))
    assert solved(x, torch.ones(9, 3), torch.randn(3, 4), centred=True)[0].isnan().all()


@pytest.mark.parametrize(("rows", "size"), [(600, 700), (700, 600)])
def test_of_the_system_there_is_one_at_a_time(rows: int, size: int) -> None:
    """It has as many numbers as the layer's inputs squared: hundreds of MiB for a deep one."""
    inputs, wanted, weight = torch.randn(rows, size), torch.randn(rows, 8), torch.randn(8, size)
    with LiveBytes() as live:
        solved(inputs, wanted, weight, centred=True)
    system = 600**2 * torch.finfo(torch.float64).bits // 8
    assert live.peak < 1.1 * (inputs.nbytes + 1.5 * system)  # half as large while it is float32
