from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lcsearch.layers import PRUNE_END, PRUNE_START, LinearConv2d, prune_coefficients
from lcsearch.layers.pruning import pruned_share, smallest_masked


def layer(sparsity: float = 0.75) -> LinearConv2d:
    torch.manual_seed(0)
    return LinearConv2d(4, 20, 3, alpha=0.5, sparsity=sparsity)


def zeros(of: LinearConv2d) -> int:
    assert of.mask is not None
    return int((~of.mask).sum())


def test_the_smallest_go_on_a_cubic_schedule() -> None:
    one = layer()
    assert one.coefficients is not None and one.mask is not None
    sizes = one.coefficients.detach().abs().flatten().sort().values
    middle = (PRUNE_START + PRUNE_END) / 2
    prune_coefficients(nn.Sequential(one), middle)
    expected = round(0.875 * 75)
    assert zeros(one) == expected
    assert one.coefficients[one.mask].abs().min() == sizes[expected]


@pytest.mark.parametrize("sparsity", [0.0, 0.01, 0.333, 0.75, 0.999])
def test_the_target_is_exact_at_the_end_of_the_schedule_and_after(sparsity: float) -> None:
    one = layer(sparsity)
    for progress in (0.0, 0.1, PRUNE_END, 0.5, 1.0):
        prune_coefficients(one, progress)
    assert zeros(one) == min(99, round(100 * sparsity))


def test_what_is_pruned_stays_zero_while_training_goes_on() -> None:
    one = layer()
    optimizer = torch.optim.SGD(one.parameters(), 0.5, momentum=0.9)
    before = torch.zeros(10, 10, dtype=torch.bool)
    for step in range(20):
        optimizer.zero_grad()
        one(torch.randn(2, 4, 5, 5)).square().mean().backward()
        optimizer.step()
        prune_coefficients(one, (step + 1) / 20)
        assert one.mask is not None and one.coefficients is not None
        assert not (before & one.mask).any()
        before = ~one.mask
        assert not one.coefficients[before].any()
        assert not one.matrices()[before].any()
    assert zeros(one) == 75


def test_evaluation_prunes_nothing() -> None:
    one = layer().eval()
    prune_coefficients(one, 1.0)
    assert zeros(one) == 0


def test_a_resumed_layer_prunes_the_same() -> None:
    one = layer()
    prune_coefficients(one, 0.1)
    other = layer()
    nn.init.normal_(other.coefficients)
    other.load_state_dict(one.state_dict())
    third = copy.deepcopy(one)
    for each in (one, other, third):
        prune_coefficients(each, 0.15)
    assert torch.equal(one.mask, other.mask) and torch.equal(one.mask, third.mask)


def test_full_and_low_rank_layers_are_left_alone() -> None:
    net = nn.Sequential(LinearConv2d(4, 8, 3, alpha=0.5), LinearConv2d(8, 8, 3, alpha=0.5, rank=2))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    prune_coefficients(net, 1.0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("progress", "start", "end", "share"),
    [
        (0.0, 0.25, 0.75, 0.0),
        (0.25, 0.25, 0.75, 0.0),
        (0.5, 0.25, 0.75, 0.875),
        (0.375, 0.25, 0.75, 1 - 0.75**3),
        (0.75, 0.25, 0.75, 1.0),
        (1.0, 0.25, 0.75, 1.0),
        (0.5, 0.0, 1.0, 0.875),
        (0.4, 0.5, 0.5, 0.0),
        (0.5, 0.5, 0.5, 1.0),
        (0.0, 0.0, 0.0, 1.0),
        (1.0, 1.0, 1.0, 1.0),
    ],
)
def test_the_schedule_by_hand(progress: float, start: float, end: float, share: float) -> None:
    assert pruned_share(progress, start, end) == pytest.approx(share)
    one = layer()
    prune_coefficients(one, progress, start=start, end=end)
    assert zeros(one) == round(75 * share)


def test_what_was_zero_stays_zero_and_the_smallest_go() -> None:
    coefficients = torch.tensor([[0.5, -0.1, 3.0], [-0.2, 9.0, 0.3]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert smallest_masked(coefficients, mask, 0).equal(mask)
    assert smallest_masked(coefficients, mask, 1).equal(mask)
    expected = torch.tensor([[True, False, False], [False, True, True]])
    assert smallest_masked(coefficients, mask, 3).equal(expected)
    assert not smallest_masked(coefficients, mask, 6).any()


def test_of_equal_coefficients_the_first_go() -> None:
    kept = smallest_masked(torch.ones(200), torch.ones(200, dtype=torch.bool), 100)
    assert not kept[:100].any() and kept[100:].all()


@pytest.mark.parametrize("progress", [-0.1, 1.1, float("nan")])
def test_progress_out_of_range(progress: float) -> None:
    with pytest.raises(ValueError) as caught:
        prune_coefficients(layer(), progress)
    assert str(caught.value) == f"progress={progress!r} must be in [0, 1]"


@pytest.mark.parametrize(("start", "end"), [(-0.1, 0.5), (0.6, 0.5), (0.1, 1.1)])
def test_starts_and_ends_out_of_range(start: float, end: float) -> None:
    with pytest.raises(ValueError) as caught:
        prune_coefficients(layer(), 0.5, start=start, end=end)
    assert str(caught.value) == f"start={start!r} and end={end!r} must be 0 <= start <= end <= 1"
