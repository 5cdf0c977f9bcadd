"""Closest separable filters, against singular value decompositions, and least squares from other starts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lcsearch.layers import SeparableConv2d
from lcsearch.layers.closeness import Closeness, Target
from lcsearch.layers.separable_fit import NORM, Terms, closest, closest_of_rank, fit

OUT, IN, KERNEL, SIZE = 5, 6, (2, 3), 6
WEIGHT = torch.tensor([0.1, 3.0, 1.0, 0.5, 2.0], dtype=torch.float64)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


FILTERS = drawn(OUT, IN, SIZE)


def made(terms: Terms) -> Tensor:
    """The filters (out, in, m) that terms stand for, term by term."""
    mixing = terms.mixing if terms.row is None else terms.mixing @ terms.row
    each = [a[:, :, None] * b[:, None, :] for a, b in zip(mixing, terms.blueprints, strict=True)]
    return torch.stack(each).sum(0)


def error_of(terms: Terms, weight: Tensor) -> float:
    """What counts, by its definition."""
    return float(((made(terms) - FILTERS) * weight[:, None, None]).square().sum())


def solved_in_turn(terms: int, rank: int | None, weight: Tensor, seed: int) -> float:
    """The error after each tensor was solved for in turn, as what it is linear in, from a random start."""
    own = [drawn(terms, OUT, rank or IN, seed=seed), drawn(terms, OUT, SIZE, seed=seed + 100)]
    own += [] if rank is None else [drawn(rank, IN, seed=seed + 200)]
    wanted = (weight[:, None, None] * FILTERS).flatten()
    for _ in range(15):
        for place in range(len(own)):
            units = torch.eye(own[place].numel(), dtype=torch.float64).view(-1, *own[place].shape)
            filters = [made(Terms(*own[:place], unit, *own[place + 1 :])) for unit in units]
            columns = torch.stack([(weight[:, None, None] * one).flatten() for one in filters], 1)
            own[place] = torch.from_numpy(np.linalg.lstsq(columns.numpy(), wanted.numpy())[0]).view_as(
                own[place]
            )
    return error_of(Terms(*own), weight)


@pytest.mark.parametrize("terms", [1, 2, 4])
def test_each_filter_is_cut_to_its_leading_singular_values(terms: int) -> None:
    found = closest(FILTERS, terms)
    for output, matrix in zip(made(found).numpy(), FILTERS.numpy(), strict=True):
        left, values, right = np.linalg.svd(matrix)
        np.testing.assert_allclose(output, left[:, :terms] * values[:terms] @ right[:terms], atol=1e-10)
    torch.testing.assert_close(found.blueprints.norm(dim=2), torch.full((terms, OUT), NORM).double())


def test_terms_stand_by_falling_size() -> None:
    first = made(Terms(*(part[:1] for part in closest(FILTERS, 3)[:2])))
    torch.testing.assert_close(first, made(closest(FILTERS, 1)))


def test_as_many_terms_as_a_kernel_has_numbers_are_the_filters() -> None:
    torch.testing.assert_close(made(closest(FILTERS, SIZE)), FILTERS)


@pytest.mark.parametrize(("terms", "rank"), [(1, None), (2, None), (1, 2), (2, 2)])
def test_solving_in_turn_from_other_starts_finds_nothing_closer(terms: int, rank: int | None) -> None:
    weight = torch.ones_like(WEIGHT) if rank is None else WEIGHT
    found = closest(FILTERS, terms) if rank is None else closest_of_rank(FILTERS, terms, rank, weight)
    others = [solved_in_turn(terms, rank, weight, seed) for seed in range(2)]
    assert error_of(found, weight) <= min(others) * (1 + (1e-9 if rank is None else 2e-2))
    assert min(others) <= error_of(found, weight) * 1.05  # they came near it


def test_all_terms_of_a_rank_are_the_regression_of_that_rank() -> None:
    """Each output may use the shared rows as it likes then: it is one truncated decomposition."""
    weight = WEIGHT.numpy()[:, None, None]
    left, values, right = np.linalg.svd(np.concatenate(list(weight * FILTERS.numpy()), 1))
    cut = (left[:, :3] * values[:3] @ right[:3]).reshape(IN, OUT, SIZE).transpose(1, 0, 2)
    found = closest_of_rank(FILTERS, SIZE, 3, WEIGHT)
    np.testing.assert_allclose(made(found).numpy(), cut / weight, atol=1e-9)
    assert found.row is not None
    torch.testing.assert_close(found.row @ found.row.T, torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("terms", [1, 3])
def test_the_full_rank_is_none(terms: int) -> None:
    torch.testing.assert_close(
        made(closest_of_rank(FILTERS, terms, IN, WEIGHT)), made(closest(FILTERS, terms))
    )


def test_solving_again_comes_closer() -> None:
    errors = [error_of(closest_of_rank(FILTERS, 1, 2, WEIGHT, rounds), WEIGHT) for rounds in range(4)]
    assert all(later < before for before, later in itertools.pairwise(errors))


def test_an_output_that_matters_more_is_met_better() -> None:
    def gaps(weight: Tensor | None) -> Tensor:
        return (made(closest_of_rank(FILTERS, 2, 2, weight)) - FILTERS).square().sum((1, 2))

    assert float(gaps(WEIGHT)[1]) < float(gaps(None)[1]) and float(gaps(WEIGHT)[0]) > float(gaps(None)[0])


@pytest.mark.parametrize("rank", [None, 2])
@torch.no_grad()
def test_a_layer_gets_the_terms_and_keeps_its_bias(rank: int | None) -> None:
    layer = SeparableConv2d(IN, OUT, KERNEL, terms=2, rank=rank)
    bias = nn.Parameter(layer.bias.clone())  # type: ignore[union-attr]
    filters = FILTERS.view(OUT, IN, *KERNEL)
    fit(layer, Target(filters, Closeness.by_number(filters)._replace(weight=WEIGHT)))
    wanted = closest(FILTERS, 2) if rank is None else closest_of_rank(FILTERS, 2, rank, WEIGHT)
    torch.testing.assert_close(layer.to_conv().weight, made(wanted).view_as(filters).float())
    assert layer.bias is not None and torch.equal(layer.bias, bias)


@pytest.mark.parametrize("rank", [None, 2])
def test_a_filter_of_zeros_can_still_learn(rank: int | None) -> None:
    filters = FILTERS.clone()
    filters[0] = 0
    found = closest(filters, 2) if rank is None else closest_of_rank(filters, 2, rank)
    assert bool((made(found)[0].abs() < 1e-12).all())
    torch.testing.assert_close(found.blueprints.norm(dim=2), torch.full((2, OUT), NORM).double())
