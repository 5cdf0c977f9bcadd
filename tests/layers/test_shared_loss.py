"""The orthogonality loss against loops over pairs."""

from __future__ import annotations

import pytest
import torch

from lcsearch.layers import SharedConv2d
from lcsearch.layers.shared_loss import orthogonality_of


def bank_of(uniques: list[int], shared: int, seed: int) -> list[SharedConv2d]:
    torch.manual_seed(seed)
    first = SharedConv2d(2, 4, 3, shared=shared, unique=uniques[0])
    layers = [first, *(SharedConv2d(2, 4, 3, shared=shared, unique=u, owner=first) for u in uniques[1:])]
    for layer in layers:
        for filters in (layer.shared, layer.unique):
            if filters is not None:
                torch.nn.init.normal_(filters)
    return layers


def by_hand(banks: list[list[SharedConv2d]]) -> list[float]:
    """(b_i b_j - delta_ij) squared of every pair that is meant."""
    found = []
    for layers in banks:
        shared = [one.flatten().tolist() for one in layers[0].shared]
        uniques = [
            [] if own.unique is None else [one.flatten().tolist() for one in own.unique] for own in layers
        ]
        pairs = [(a, b) for a in shared for b in [*shared, *(one for own in uniques for one in own)]]
        pairs += [(a, b) for own in uniques for a in own for b in own]
        found += [(sum(x * y for x, y in zip(a, b, strict=True)) - (a is b)) ** 2 for a, b in pairs]
    return found


@pytest.mark.parametrize("uniques", [[1, 2, 3], [0, 0], [2], [0, 1]])
def test_one_bank(uniques: list[int]) -> None:
    layers = bank_of(uniques, 3, 0)
    pairs = by_hand([layers])
    assert len(pairs) == 3 * (3 + sum(uniques)) + sum(u * u for u in uniques)
    for loss, wanted in (
        (orthogonality_of(layers), 10 * sum(pairs) / len(pairs)),
        (orthogonality_of(layers, "sum"), 10 * sum(pairs)),
    ):
        torch.testing.assert_close(float(loss.detach()), wanted, rtol=1e-5, atol=0)


def test_pairs_of_all_banks_count_alike() -> None:
    banks = [bank_of([1, 1], 2, 0), bank_of([3], 4, 1)]
    pairs = by_hand(banks)
    wanted = 10 * sum(pairs) / len(pairs)
    torch.testing.assert_close(float(orthogonality_of([*banks[0], *banks[1]])), wanted, rtol=1e-5, atol=0)


def test_orthonormal_filters_have_none_and_gradients_lead_there() -> None:
    first = SharedConv2d(2, 4, 3, shared=4, unique=2)
    layers = [first, SharedConv2d(2, 4, 3, shared=4, unique=3, owner=first)]
    filters = [
        parameter for layer in layers for parameter in (layer.bank, layer.unique) if parameter is not None
    ]
    optimizer = torch.optim.SGD(filters, 0.5)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = orthogonality_of(layers)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] > 0.1 and losses[-1] < 1e-4
    flat = torch.cat([one.detach().flatten(1) for one in (layers[0].unique, first.shared) if one is not None])
    torch.testing.assert_close(flat @ flat.T, torch.eye(6), rtol=0, atol=3e-2)


def test_autocast_does_not_touch_it() -> None:
    layers = bank_of([2, 2], 3, 0)
    with torch.autocast("cpu", torch.bfloat16):
        assert orthogonality_of(layers).dtype == torch.float32
        assert float(orthogonality_of(layers)) == float(orthogonality_of(layers))
