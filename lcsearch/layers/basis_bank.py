"""Banks of random filters that are the same, bit for bit, wherever they are drawn: a file has only the seed.

What makes random numbers differ between machines is left out: distributions, whose algorithms NumPy may
change, and sums of rounded numbers, whose order is the libraries' own. Raw bits of NumPy's counter-based
generator Philox become whole numbers, and all products of matrices are of whole numbers so small that every
sum is exact, in whatever order. The rest is done number by number with +, -, *, / and square roots, which
IEEE 754 rounds in one way.

Rows G become orthonormal as L^-1 G with L the Cholesky factor of G G^T. It is done twice: what the first time
leaves where rows are nearly dependent, the second removes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Matrix = NDArray[Any]

_PARTS, _BITS = 4, 9
"""A random number is the sum of so many numbers of so many bits: nearly normal, and of 11 bits."""
_ROW_BITS, _FACTOR_BITS = 20, 29
"""Rows of norm 1, and rows of L^-1, as whole numbers: their products stay below 2^53."""
_INDEPENDENT = 1e-6
"""Share of a row's square that must lie outside of the rows before it; else other rows are drawn."""
_ROOM = 16


@lru_cache(_ROOM)
def drawn(seed: int, filters: int, size: int) -> _Matrix:
    """Return a bank of random filters, orthonormal as flattened rows; not to be written into.

    Args:
        seed: 0 to 2^63 - 1.
        filters: Q, at most ``size``.
        size: Numbers of a filter.

    Returns:
        (Q, size) float32.
    """
    generator = np.random.Philox(key=np.array([seed, size], dtype=np.uint64))
    made = None
    while made is None:
        made = _orthonormal(_whole_numbers(generator, filters, size))
    once_more = _orthonormal(np.rint(made * 2.0**_ROW_BITS))
    assert once_more is not None  # they are orthonormal already, up to rounding
    found = once_more.astype(np.float32)
    found.flags.writeable = False
    return found


def _whole_numbers(generator: np.random.Philox, rows: int, columns: int) -> _Matrix:
    """Random whole numbers of mean 0, nearly normal."""
    raw: Any = generator.random_raw(rows * columns)
    total = np.zeros(rows * columns, dtype=np.int64)
    for part in range(_PARTS):
        total += ((raw >> np.uint64(part * 16)) & np.uint64(2**_BITS - 1)).astype(np.int64)
    centred: _Matrix = (2 * total - _PARTS * (2**_BITS - 1)).astype(np.float64)
    return centred.reshape(rows, columns)


def _orthonormal(rows: _Matrix) -> _Matrix | None:
    """Orthonormal rows that span what rows of whole numbers do; None where those are nearly dependent."""
    inverse = _inverse_factor(rows @ rows.T)
    if inverse is None:
        return None
    _, exponents = np.frexp(np.abs(inverse).max(1))
    shifts = _FACTOR_BITS - exponents
    whole = np.rint(np.ldexp(inverse, shifts[:, None]))
    made: _Matrix = np.ldexp(whole @ rows, -shifts[:, None])
    return made


def _inverse_factor(gram: _Matrix) -> _Matrix | None:
    """L^-1 for gram = L L^T, by elimination, number by number; None where a row is nearly dependent."""
    left, inverse = gram.copy(), np.eye(len(gram))
    for place in range(len(gram)):
        pivot = left[place, place]
        if not pivot > _INDEPENDENT * gram[place, place]:
            return None
        factors = left[place + 1 :, place] / pivot
        left[place + 1 :, place:] -= factors[:, None] * left[place, place:]
        inverse[place + 1 :, : place + 1] -= factors[:, None] * inverse[place, : place + 1]
    made: _Matrix = inverse / np.sqrt(np.diag(left))[:, None]
    return made
