"""What a LinearConv layer stores, in whole numbers. Pure Python: no tensors.

Words: a layer has ``out`` filters of ``c * kh * kw`` numbers each, c = in / groups. Of these, ``p`` are
primary (learned) and ``s = out - p`` secondary: combinations of the primaries by the coefficients A (s, p).
"""

from __future__ import annotations

from lcsearch.layers.shape import ConvShape


def split(out_channels: int, alpha: float) -> tuple[int, int]:
    """Return (p, s), the numbers of primary and secondary filters.

    Raises:
        ValueError: alpha is not in (0, 1].
    """
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha={alpha!r} must be in (0, 1]")
    p = min(out_channels, max(1, round(alpha * out_channels)))
    return p, out_channels - p


def resolve_rank(p: int, s: int, rank: int | None, rank_ratio: float | None) -> int:
    """Return the coefficient rank r: ``rank`` or ``max(1, int(p * rank_ratio))``, at most min(s, p).

    Raises:
        ValueError: Neither or both are given, rank < 1, or rank_ratio is not in (0, 1].
    """
    if (rank is None) == (rank_ratio is None):
        raise ValueError(f"give one of rank={rank!r} and rank_ratio={rank_ratio!r}")
    if rank_ratio is not None:
        if not 0.0 < rank_ratio <= 1.0:
            raise ValueError(f"rank_ratio={rank_ratio!r} must be in (0, 1]")
        rank = max(1, int(p * rank_ratio))
    assert rank is not None
    if rank < 1:
        raise ValueError(f"rank={rank!r} must be at least 1")
    return min(rank, s, p)


def checked_rank(
    p: int, s: int, rank: int | None, rank_ratio: float | None, sparsity: float | None
) -> int | None:
    """Return the rank of the coefficients of p primary and s secondary filters, None for full.

    Raises:
        ValueError: rank or rank_ratio is out of its range, or given together with sparsity.
    """
    if rank is None and rank_ratio is None:
        return None
    if sparsity is not None:
        raise ValueError(
            f"sparsity={sparsity!r} must be None where rank={rank!r} or rank_ratio={rank_ratio!r}"
        )
    resolved = resolve_rank(p, s, rank, rank_ratio)
    if rank is not None and s and rank > resolved:
        raise ValueError(f"rank={rank!r} must be in 1..{resolved} for {p} primary and {s} secondary filters")
    return resolved if s else None


def max_useful_rank(p: int, s: int) -> int:
    """Return the largest rank r that stores less than a full matrix, r * (s + p) < s * p; 0 if none does."""
    return max(0, (s * p - 1) // (s + p))


def kept(p: int, s: int, sparsity: float) -> int:
    """Return how many of the s * p coefficients are stored: all but round(sparsity * s * p), at least one.

    Raises:
        ValueError: sparsity is not in [0, 1).
    """
    if not 0.0 <= sparsity < 1.0:
        raise ValueError(f"sparsity={sparsity!r} must be in [0, 1)")
    total = s * p
    return max(min(1, total), total - round(sparsity * total))


def coefficient_count(p: int, s: int, rank: int | None, sparsity: float | None) -> int:
    """Return how many numbers the coefficients of p primary and s secondary filters take.

    Raises:
        ValueError: rank or sparsity is out of its range, or both are given.
    """
    if rank is not None and sparsity is not None:
        raise ValueError(f"rank={rank!r} and sparsity={sparsity!r} exclude each other")
    if rank is not None:
        return resolve_rank(p, s, rank, None) * (s + p)
    return s * p if sparsity is None else kept(p, s, sparsity)


def feature_macs(shape: ConvShape, p: int) -> int:
    """Return the multiply-accumulates per output position of the primary filters and the 1x1 that mixes them.

    Args:
        shape: The convolution that the layer stands for.
        p: Primary filters that a secondary one combines: all, or those of its group. Every group needs the
            outputs of that many filters, and every output channel combines that many.
    """
    return shape.groups * p * shape.filter_size + shape.out_channels * p
