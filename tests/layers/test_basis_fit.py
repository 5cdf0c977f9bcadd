"""Closest basis filters, against NumPy's singular value decomposition and whole numbers of its energy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lcsearch.layers import BasisConv2d
from lcsearch.layers.basis_bank import drawn
from lcsearch.layers.basis_fit import closest, filters_for
from lcsearch.layers.closeness import Closeness


def conv_of(out: int, inputs: int, kernel: tuple[int, int], seed: int = 0, **options: bool) -> nn.Conv2d:
    torch.manual_seed(seed)
    return nn.Conv2d(inputs, out, kernel, dtype=torch.float64, **options)


def matrix(conv: nn.Conv2d) -> np.ndarray:
    return conv.weight.detach().flatten(1).numpy()


SHAPES = [(12, 4, (3, 3)), (20, 2, (2, 3)), (7, 3, (3, 1))]


@pytest.mark.parametrize("train_basis", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.2, 0.6, 1.0])
def test_bank_and_mixing_are_those_of_the_singular_value_decomposition(
    shape: tuple[int, int, tuple[int, int]], share: float, train_basis: bool
) -> None:
    conv = conv_of(*shape)
    h = matrix(conv)
    filters = max(1, int(share * min(h.shape)))
    layer = BasisConv2d.from_conv(conv, filters=filters, train_basis=train_basis)
    left, values, right = np.linalg.svd(h, full_matrices=False)
    bank, mixing = (tensor.detach().flatten(1).numpy() for tensor in (layer.bank, layer.mixing))
    np.testing.assert_allclose(np.abs(bank @ right[:filters].T), np.eye(filters), atol=1e-9)
    np.testing.assert_allclose(mixing, h @ bank.T, atol=1e-12)
    cut_off = (left[:, :filters] * values[:filters]) @ right[:filters]
    np.testing.assert_allclose(layer.weight.detach().flatten(1).numpy(), cut_off, atol=1e-7)
    error = float((layer.weight - conv.weight).square().sum().detach())
    assert error == pytest.approx(float((values[filters:] ** 2).sum()), rel=1e-6, abs=1e-9)
    assert torch.equal(layer.bias, conv.bias)


def test_no_other_bank_comes_closer() -> None:
    conv = conv_of(12, 4, (3, 3))
    best = float((BasisConv2d.from_conv(conv, filters=3).weight - conv.weight).norm().detach())
    chance = np.random.default_rng(0)
    h = matrix(conv)
    for _ in range(50):
        bank = np.linalg.qr(chance.standard_normal((36, 3)))[0].T
        assert best < np.linalg.norm(h - h @ bank.T @ bank)


def test_by_another_measure_the_weighted_error_is_the_least() -> None:
    """Filters that matter more are kept more: least squares from random starts comes no closer."""
    h = torch.randn(8, 18, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    weight = torch.tensor([5.0, 0.1, 1.0, 1.0, 2.0, 0.3, 1.0, 1.0], dtype=torch.float64)
    bank, mixing = closest(h, 3, Closeness.of(h @ h.T, weight))
    torch.testing.assert_close(bank @ bank.T, torch.eye(3).double())
    values = np.linalg.svd((weight[:, None] * h).numpy(), compute_uv=False)
    error = float((weight[:, None] * (h - mixing @ bank)).square().sum())
    assert error == pytest.approx(float((values[3:] ** 2).sum()), rel=1e-9)


def test_of_a_random_bank_the_mixing_is_fitted_by_least_squares() -> None:
    conv = conv_of(12, 4, (3, 3))
    layer = BasisConv2d.from_conv(conv, filters=5, bank_seed=3)
    bank = drawn(3, 5, 36).astype(np.float64)
    np.testing.assert_array_equal(layer.bank.flatten(1).numpy(), bank)
    wanted = np.linalg.lstsq(bank.T, matrix(conv).T)[0].T
    np.testing.assert_allclose(layer.mixing.detach().numpy(), wanted, atol=1e-9)


@pytest.mark.parametrize(
    ("values", "energy", "filters"),
    [
        ([3.0, 2.0, 1.0], 9 / 14, 1),
        ([3.0, 2.0, 1.0], 0.65, 2),
        ([3.0, 2.0, 1.0], 13 / 14, 2),
        ([3.0, 2.0, 1.0], 0.95, 3),
        ([3.0, 2.0, 1.0], 1.0, 3),
        ([1.0, 1.0, 1.0, 1.0], 0.75, 3),
        ([2.0, 0.0, 0.0], 1.0, 1),
        ([0.0, 0.0], 0.5, 1),
    ],
)
def test_the_fewest_filters_that_keep_an_energy(values: list[float], energy: float, filters: int) -> None:
    turn = [
        np.linalg.qr(np.random.default_rng(seed).standard_normal((size, len(values))))[0]
        for seed, size in enumerate((5, 12))
    ]
    given = torch.from_numpy(turn[0] @ np.diag(values) @ turn[1].T).view(5, 3, 2, 2)
    assert filters_for(given, energy) == filters


@pytest.mark.parametrize("energy", [0.0, -0.1, 1.01, float("nan")])
def test_an_energy_out_of_its_range_is_named(energy: float) -> None:
    with pytest.raises(ValueError, match=r"^energy=.* must be in \(0, 1\]$"):
        BasisConv2d.from_conv(conv_of(4, 2, (3, 3)), energy=energy)


def test_filters_that_are_no_numbers_are_refused() -> None:
    conv = conv_of(4, 2, (3, 3))
    conv.weight.data[0, 0, 0, 0] = torch.nan
    for options in ({"filters": 2}, {"filters": 2, "bank_seed": 1}, {"energy": 0.5}):
        with pytest.raises(ValueError, match="holds NaN or infinity"):
            BasisConv2d.from_conv(conv, **options)
