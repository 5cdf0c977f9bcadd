"""A measure of closeness between filters: how much two of them do the same.

It is a Gram matrix Q (out, out). With Q = W W^T for filters W, two of them are compared number by number;
with the covariance of their responses to real images, by what they do.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Closeness(NamedTuple):
    """A measure of closeness between filters, each of which may count more or less than others.

    Attributes:
        values: (out,) eigenvalues of Q, ascending.
        vectors: (out, out) their eigenvectors.
        weight: (out,) the factor on each filter that Q has in its rows and columns, above 0.
    """

    values: Tensor
    vectors: Tensor
    weight: Tensor

    @classmethod
    def of(cls, gram: Tensor, weight: Tensor | None = None) -> Closeness:
        """From a Gram matrix without weights: (out, out), float64, on the CPU, symmetric, not negative."""
        weight = torch.ones(len(gram), dtype=gram.dtype) if weight is None else weight
        values, vectors = torch.linalg.eigh(weight[:, None] * gram * weight)
        return cls(values, vectors, weight)

    @classmethod
    def by_number(cls, filters: Tensor) -> Closeness:
        """Two filters are compared number by number.

        Args:
            filters: (out, ...), float64, on the CPU.

        Raises:
            ValueError: A number is NaN or infinite.
        """
        flat = filters.flatten(1)
        if not bool(flat.isfinite().all()):
            raise ValueError("conv.weight holds NaN or infinity; its filters must be finite")
        return cls.of(flat @ flat.T)


class Target(NamedTuple):
    """What a layer is to come close to.

    Attributes:
        filters: (out, in / groups, kh, kw), float64, on the CPU.
        closeness: How much two of these filters do the same.
    """

    filters: Tensor
    closeness: Closeness

    @classmethod
    def of(cls, conv: nn.Conv2d) -> Target:
        """A convolution's own filters, compared number by number.

        Raises:
            ValueError: A number is NaN or infinite.
        """
        filters = conv.weight.detach().double().cpu()
        return cls(filters, Closeness.by_number(filters))
