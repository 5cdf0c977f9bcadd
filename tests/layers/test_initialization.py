"""First values of coefficients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lcsearch.layers import LinearConv2d


def banks(matrix: Tensor | None, per_group: bool) -> list[Tensor]:
    assert matrix is not None
    return list(matrix.detach().chunk(4 if per_group else 1))


@pytest.mark.parametrize("per_group", [False, True])
def test_rows_of_coefficients_have_norm_one(per_group: bool) -> None:
    torch.manual_seed(0)
    kind: dict[str, Any] = {"groups": 4, "per_group": per_group, "alpha": 0.25}
    full = LinearConv2d(8, 64, 3, **kind)
    assert full.coefficients is not None
    torch.testing.assert_close(full.coefficients.detach().norm(dim=1), torch.ones(48))
    low = LinearConv2d(8, 64, 3, rank=2, **kind)
    assert low.column is not None
    torch.testing.assert_close(low.column.detach().norm(dim=1), torch.ones(48))
    for row in banks(low.row, per_group):
        torch.testing.assert_close(row @ row.T, torch.eye(2))


def test_coefficients_point_anywhere() -> None:
    torch.manual_seed(0)
    layer = LinearConv2d(8, 512, 3, alpha=1 / 64)
    assert layer.coefficients is not None
    values = layer.coefficients.detach()
    assert (values.mean(0).abs() < 0.06).all(), "rows of norm 1 of 8 numbers"
    torch.testing.assert_close(values.square().mean(0), torch.full((8,), 1 / 8), rtol=0.25, atol=0)
    assert values.unique().numel() > 0.99 * values.numel()
