"""Random banks: the same bits everywhere, and orthonormal."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from lcsearch.layers.basis_bank import drawn

DIGESTS = {
    (0, 1, 2): "02aafd79f7b3af14",
    (0, 8, 27): "3a73e6edf84a675a",
    (0, 27, 27): "3920b77dcd698220",
    (0, 64, 576): "73077de1b4a7cbac",
    (0, 100, 2304): "c185fbe2b4249d55",
    (2**63 - 1, 5, 18): "e9cecb2788c537b5",
}
"""By seed, filters and numbers of a filter: the first half of the sha256 of little-endian float32."""


@pytest.mark.parametrize(("seed", "filters", "size"), DIGESTS)
def test_a_bank_has_the_bits_that_files_rely_on(seed: int, filters: int, size: int) -> None:
    bank = drawn(seed, filters, size)
    assert bank.dtype == np.float32 and bank.shape == (filters, size)
    digest = hashlib.sha256(bank.astype("<f4").tobytes()).hexdigest()
    assert digest[:16] == DIGESTS[seed, filters, size]


@pytest.mark.parametrize(("filters", "size"), [(1, 2), (2, 2), (9, 9), (27, 27), (8, 512), (64, 64)])
def test_rows_are_orthonormal_whatever_the_seed(filters: int, size: int) -> None:
    for seed in range(40):
        rows = drawn(seed, filters, size).astype(np.float64)
        np.testing.assert_allclose(rows @ rows.T, np.eye(filters), atol=2e-7)


def test_rows_point_anywhere() -> None:
    rows = np.stack([drawn(seed, 3, 12) for seed in range(400)]).astype(np.float64)
    np.testing.assert_allclose(rows.mean(0), 0.0, atol=4 * 12**-0.5 / 20)  # 4 standard errors
    spread = np.einsum("sqi,sqj->qij", rows, rows) / 400
    np.testing.assert_allclose(spread, np.broadcast_to(np.eye(12) / 12, (3, 12, 12)), atol=0.03)


def test_nearly_dependent_rows_are_drawn_again() -> None:
    """Of single numbers some are alike: two rows of two are dependent now and then."""
    for seed in range(3000):
        rows = drawn(seed, 2, 2).astype(np.float64)
        assert abs(rows[0] @ rows[1]) < 2e-7


def test_a_bank_cannot_be_written_into() -> None:
    with pytest.raises(ValueError, match="read-only"):
        drawn(0, 2, 4)[0, 0] = 1.0
