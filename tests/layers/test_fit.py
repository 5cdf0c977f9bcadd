"""The closest structure to given filters, by any Gram matrix."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lcsearch.layers import LinearConv2d
from lcsearch.layers.closeness import Closeness
from lcsearch.layers.fit import fit, masked_least_squares, reduced_rank

KINDS: list[dict[str, Any]] = [{"alpha": 0.25}, {"alpha": 0.25, "rank": 2}, {"alpha": 0.25, "sparsity": 0.5}]


def made(filters: Tensor, closeness: Closeness, **kind: Any) -> LinearConv2d:
    out, channels = filters.shape[:2]
    layer = LinearConv2d(channels, out, tuple(filters.shape[2:]), bias=False, dtype=torch.float64, **kind)
    fit(layer, filters, closeness)
    return layer


def error(layer: LinearConv2d, filters: Tensor, metric: Tensor, weight: Tensor) -> float:
    """Squared error of the filters (out, n) in the metric (n, n) of their inputs, rows weighted."""
    left = (layer.to_conv().weight.detach() - filters).flatten(1) * weight[:, None]
    return float(((left @ metric) * left).sum())


def problem(out: int = 16, channels: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    filters = torch.randn(out, channels, 3, 3, dtype=torch.float64)
    skewed = torch.randn(9 * channels, 9 * channels, dtype=torch.float64) * torch.logspace(
        0, -2, 9 * channels
    )
    return filters, skewed @ skewed.T, torch.rand(out, dtype=torch.float64) + 0.3


def test_full_coefficients_reach_the_bound_of_eckart_and_young() -> None:
    filters, metric, weight = problem()
    root = np.linalg.cholesky(metric.numpy())
    singular = np.linalg.svd((weight[:, None] * filters.flatten(1)).numpy() @ root, compute_uv=False)
    gram = filters.flatten(1) @ metric @ filters.flatten(1).T
    layer = made(filters, Closeness.of(gram, weight), alpha=0.25)
    assert error(layer, filters, metric, weight) == pytest.approx(float((singular[4:] ** 2).sum()), rel=1e-6)


@pytest.mark.parametrize(
    "kind", [KINDS[0], {"alpha": 0.25, "rank": 4}, {"alpha": 0.25, "sparsity": 0.0}], ids=str
)
def test_filters_that_the_layer_can_make_are_made(kind: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer = LinearConv2d(4, 16, 3, bias=False, dtype=torch.float64, **kind)
    filters = layer.to_conv().weight.detach()[torch.randperm(16)]
    flat = filters.flatten(1)
    found = made(filters, Closeness.of(flat @ flat.T, torch.rand(16, dtype=torch.float64) + 0.1), **kind)
    assert torch.allclose(found.to_conv().weight, filters, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_nothing_is_further_off_than_filters_chosen_by_themselves(kind: dict[str, Any]) -> None:
    filters, metric, weight = problem()
    conv = torch.nn.Conv2d(5, 16, 3, bias=False).double()
    with torch.no_grad():
        conv.weight.copy_(filters)
    gram = filters.flatten(1) @ metric @ filters.flatten(1).T
    found = made(filters, Closeness.of(gram, weight), **kind)
    known = LinearConv2d.from_conv(conv, **kind)
    assert error(found, filters, metric, weight) < 0.8 * error(known, filters, metric, weight)
    assert sorted(found.order.tolist()) == list(range(16))
    if found.mask is not None:
        assert int(found.mask.sum()) == 24
        assert found.coefficients is not None and bool((found.coefficients[~found.mask] == 0).all())


@pytest.mark.parametrize("kind", KINDS[1:], ids=str)
def test_no_small_step_of_the_coefficients_does_better(kind: dict[str, Any]) -> None:
    filters, metric, weight = problem()
    gram = filters.flatten(1) @ metric @ filters.flatten(1).T
    layer = made(filters, Closeness.of(gram, weight), **kind)
    best = error(layer, filters, metric, weight)
    for parameter in (layer.coefficients, layer.column, layer.row):
        for place, step in itertools.product(
            range(0 if parameter is None else parameter.numel()), (1e-3, -1e-3)
        ):
            assert parameter is not None
            with torch.no_grad():
                parameter.view(-1)[place] += step
                worse = error(layer, filters, metric, weight)
                parameter.view(-1)[place] -= step
            assert worse >= best * (1 - 1e-9)


def solved_once(filters: Tensor, metric: Tensor, found: LinearConv2d) -> float:
    """The error with the primaries of full coefficients, and the best coefficients of a kind for these."""
    full = made(filters, Closeness.of(filters.flatten(1) @ metric @ filters.flatten(1).T), alpha=0.25)
    root, p = np.linalg.cholesky(metric.numpy()), full.plan.p
    rows = filters.flatten(1).numpy()[full.order.numpy()] @ root
    primary = full.primary.detach().flatten(1).numpy() @ root
    if found.rank is not None:
        left, values, right = np.linalg.svd(rows[p:] @ np.linalg.pinv(primary) @ primary)
        made_of = left[:, : found.rank] * values[: found.rank] @ right[: found.rank]
    else:
        assert found.mask is not None
        kept = [np.linalg.pinv(primary[mask]) @ primary[mask] for mask in found.mask.numpy()]
        made_of = np.stack([row @ projection for row, projection in zip(rows[p:], kept, strict=True)])
    return float(((primary - rows[:p]) ** 2).sum() + ((made_of - rows[p:]) ** 2).sum())


@pytest.mark.parametrize("kind", KINDS[1:], ids=str)
def test_primaries_that_suit_the_coefficients_come_closer(kind: dict[str, Any]) -> None:
    filters, metric, _ = problem()
    gram, same = filters.flatten(1) @ metric @ filters.flatten(1).T, torch.ones(16, dtype=torch.float64)
    layer = made(filters, Closeness.of(gram), **kind)
    assert error(layer, filters, metric, same) < 0.98 * solved_once(filters, metric, layer)


@pytest.mark.parametrize("seed", range(3))
def test_what_matters_most_is_kept(seed: int) -> None:
    """The textbook way: the primaries of full coefficients, whose longest terms are kept and solved for."""
    torch.manual_seed(seed)
    sizes = torch.logspace(0, -1, 16, dtype=torch.float64)[torch.randperm(16)]
    filters = torch.randn(16, 5, 3, 3, dtype=torch.float64) * sizes.view(-1, 1, 1, 1)
    closeness = Closeness.of(filters.flatten(1) @ filters.flatten(1).T)
    full = made(filters, closeness, alpha=0.25)
    rows, p = filters.flatten(1).numpy()[full.order.numpy()], full.plan.p
    primary = full.primary.detach().flatten(1).numpy()
    terms = np.abs(rows[p:] @ np.linalg.pinv(primary)) * np.linalg.norm(primary, axis=1)
    kept = [primary[mask] for mask in terms >= np.sort(terms, axis=None)[-24]]
    best = [row @ np.linalg.pinv(own) @ own for row, own in zip(rows[p:], kept, strict=True)]
    textbook = ((primary - rows[:p]) ** 2).sum() + ((np.stack(best) - rows[p:]) ** 2).sum()
    layer = made(filters, closeness, alpha=0.25, sparsity=0.5)
    assert float((layer.to_conv().weight.detach() - filters).square().sum()) < textbook


def test_masked_least_squares_is_that_of_numpy() -> None:
    torch.manual_seed(0)
    primary, secondary = torch.randn(6, 20).double(), torch.randn(70, 20).double()
    mask = torch.rand(70, 6) < 0.5
    mask[0] = False
    found = masked_least_squares(primary, secondary, mask)
    for row, support in enumerate(mask):
        wanted = np.zeros(6)
        if support.any():
            rows = primary[support].numpy().T
            wanted[support.numpy()] = np.linalg.lstsq(rows, secondary[row].numpy(), rcond=None)[0]
        assert np.allclose(found[row].numpy(), wanted, atol=1e-8)


def test_coefficients_without_a_mask_are_least_squares() -> None:
    torch.manual_seed(0)
    primary, secondary = torch.randn(6, 20).double(), torch.randn(9, 20).double()
    wanted = np.linalg.lstsq(primary.numpy().T, secondary.numpy().T, rcond=None)[0].T
    np.testing.assert_allclose(masked_least_squares(primary, secondary, None).numpy(), wanted, atol=1e-8)


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_reduced_rank_is_the_best_of_its_rank(rank: int) -> None:
    torch.manual_seed(0)
    primary, secondary = torch.randn(6, 20).double(), torch.randn(9, 20).double()
    column, row = reduced_rank(primary, secondary, rank)
    assert (column.shape, row.shape) == ((9, rank), (rank, 6))
    within, _ = np.linalg.qr(primary.numpy().T)
    projected = secondary.numpy() @ within
    lost = (np.linalg.svd(projected, compute_uv=False)[rank:] ** 2).sum()
    least = ((secondary.numpy() - projected @ within.T) ** 2).sum() + lost
    assert float((column @ row @ primary - secondary).square().sum()) == pytest.approx(float(least), rel=1e-8)


def test_zero_and_repeated_filters_stay_finite() -> None:
    filters = torch.zeros(8, 3, 3, 3, dtype=torch.float64)
    for values in (filters, filters + 1):
        for kind in KINDS:
            gram = values.flatten(1) @ values.flatten(1).T
            layer = made(values, Closeness.of(gram), **(kind | {"alpha": 0.5}))
            assert torch.allclose(layer.to_conv().weight, values, atol=1e-4)
