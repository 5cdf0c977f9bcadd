"""Measures of closeness and targets, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lcsearch.layers.closeness import Closeness, Target


def gram_of(measure: Closeness) -> Tensor:
    """The Gram matrix without weights that a measure stands for."""
    weighted = measure.vectors @ torch.diag(measure.values) @ measure.vectors.T
    return weighted / measure.weight[:, None] / measure.weight


def drawn(count: int = 5) -> Tensor:
    return torch.randn(count, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("weight", [None, torch.tensor([0.1, 1.0, 2.0, 0.5, 3.0], dtype=torch.float64)])
def test_a_measure_is_its_gram_matrix_taken_apart(weight: Tensor | None) -> None:
    gram = drawn() @ drawn().T
    measure = Closeness.of(gram, weight)
    factors = np.ones(5) if weight is None else weight.numpy()
    np.testing.assert_allclose(
        measure.values.numpy(), np.linalg.eigvalsh(np.diag(factors) @ gram.numpy() @ np.diag(factors))
    )
    torch.testing.assert_close(gram_of(measure), gram)
    np.testing.assert_array_equal(measure.weight.numpy(), factors)
    assert {part.dtype for part in measure} == {torch.float64}


def test_filters_are_compared_number_by_number() -> None:
    filters = drawn().view(5, 7, 1, 1)
    torch.testing.assert_close(gram_of(Closeness.by_number(filters)), drawn() @ drawn().T)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_one_number_that_is_none_is_refused(value: float) -> None:
    filters = drawn()
    filters[3, 2] = value
    with pytest.raises(ValueError) as caught:
        Closeness.by_number(filters)
    assert str(caught.value) == "conv.weight holds NaN or infinity; its filters must be finite"


def test_a_convolution_is_a_target_for_its_own_filters() -> None:
    conv = nn.Conv2d(2, 5, 3)
    target = Target.of(conv)
    assert target.filters.dtype == torch.float64 and not target.filters.requires_grad
    torch.testing.assert_close(target.filters, conv.weight.detach().double())
    flat = conv.weight.detach().double().flatten(1)
    torch.testing.assert_close(gram_of(target.closeness), flat @ flat.T)
