"""Shared and unique filters against NumPy's singular values, and against all that there are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lcsearch.layers import SharedConv2d
from lcsearch.layers.closeness import Closeness, Target
from lcsearch.layers.shared_fit import closest, fit, mixing


def drawn(count: int, out: int, numbers: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(out, numbers, dtype=torch.float64, generator=generator) for _ in range(count)]


def error(filters: list[torch.Tensor], unique: list[torch.Tensor], shared: torch.Tensor) -> float:
    """Sum of squares of what the best mixings of given filters leave, by NumPy's least squares."""
    left = 0.0
    for one, own in zip(filters, unique, strict=True):
        basis, wanted = np.concatenate([own.numpy(), shared.numpy()]), one.numpy()
        mixed = np.linalg.lstsq(basis.T, wanted.T, rcond=None)[0]
        left += float(np.square(wanted.T - basis.T @ mixed).sum())
    return left


@pytest.mark.parametrize(("out", "numbers"), [(5, 40), (30, 12)])
def test_without_unique_filters_it_is_the_best_that_there_is(out: int, numbers: int) -> None:
    filters = drawn(3, out, numbers)
    found = closest(filters, 4, [0, 0, 0])
    values = np.linalg.svd(np.concatenate([one.numpy() for one in filters]), compute_uv=False)
    assert error(filters, found.unique, found.shared) == pytest.approx(np.square(values[4:]).sum())
    torch.testing.assert_close(found.shared @ found.shared.T, torch.eye(4, dtype=torch.float64))


def best_by_trying_all(filters: list[torch.Tensor]) -> float:
    """One shared filter of three numbers in every direction; unique filters in closed form."""
    tilt, turn = (angle.ravel() for angle in np.meshgrid(*[np.linspace(0, np.pi, 61)] * 2))
    shared = np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], axis=1)
    across = np.eye(3) - shared[:, :, None] * shared[:, None]
    values = [np.linalg.svd(one.numpy() @ across, compute_uv=False) for one in filters]
    return float(sum(np.square(one[:, 1:]).sum(1) for one in values).min())


@pytest.mark.parametrize(("seed", "worse"), [(0, 1.03), (2, 1.0), (3, 1.0), (4, 1.0)])
def test_one_shared_and_one_unique_filter_are_the_best_of_all_directions(seed: int, worse: float) -> None:
    """Solved for long, mostly: in turn, the best of a neighbourhood is found."""
    filters = drawn(3, 4, 3, seed)
    found = closest(filters, 1, [1, 1, 1], rounds=60)
    assert error(filters, found.unique, found.shared) <= 1.001 * worse * best_by_trying_all(filters)


def test_solving_again_never_loses() -> None:
    filters = drawn(4, 8, 27)
    errors = []
    for rounds in (0, 1, 2, 5, 20):
        found = closest(filters, 5, [1, 2, 0, 1], rounds)
        assert [len(own) for own in found.unique] == [1, 2, 0, 1]
        errors.append(error(filters, found.unique, found.shared))
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.99 * errors[0]


def test_filters_that_can_be_made_are_made_exactly() -> None:
    generator = torch.Generator().manual_seed(1)
    shared = torch.randn(3, 27, dtype=torch.float64, generator=generator)
    filters = []
    for _ in range(5):
        own = torch.cat([torch.randn(1, 27, dtype=torch.float64, generator=generator), shared])
        filters.append(torch.randn(8, 4, dtype=torch.float64, generator=generator) @ own)
    found = closest(filters, 3, [1] * 5, rounds=200)
    assert error(filters, found.unique, found.shared) < 1e-3 * sum(
        float(one.square().sum()) for one in filters
    )


def test_more_filters_than_layers_have_are_found_too() -> None:
    filters = drawn(1, 3, 12)
    found = closest(filters, 5, [2])
    assert found.shared.shape == (5, 12) and found.unique[0].shape == (2, 12)
    made = mixing(filters[0], found.unique[0], found.shared) @ torch.cat([found.unique[0], found.shared])
    torch.testing.assert_close(made, filters[0])


def pair(unique: int) -> dict[str, SharedConv2d]:
    first = SharedConv2d(3, 6, 3, shared=4, unique=unique)
    return {"a": first, "b": SharedConv2d(3, 6, 3, shared=4, unique=unique, owner=first)}


def test_layers_get_the_filters_and_keep_their_biases() -> None:
    torch.manual_seed(0)
    layers, filters = pair(1), drawn(2, 6, 27)
    shaped = [one.view(6, 3, 3, 3) for one in filters]
    for layer in layers.values():
        layer.norm.gain.data.fill_(3.0)
    biases = [layer.bias.detach().clone() for layer in layers.values()]  # type: ignore[union-attr]
    targets = {n: Target(f, Closeness.by_number(f)) for n, f in zip(layers, shaped, strict=True)}
    fit(layers, targets)
    found = closest(filters, 4, [1, 1])
    left = sum(
        float((layer.to_conv().weight.double() - one).square().sum().detach())
        for layer, one in zip(layers.values(), shaped, strict=True)
    )
    assert left == pytest.approx(error(filters, found.unique, found.shared), rel=1e-4)
    assert layers["b"].shared is layers["a"].bank
    for layer, bias in zip(layers.values(), biases, strict=True):
        assert torch.equal(layer.bias, bias)
