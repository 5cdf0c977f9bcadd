"""What a LinearConv layer stores, in whole numbers. Pure Python: no tensors.

Words: a layer has ``out`` filters of ``c * kh * kw`` numbers each, c = in / groups. Of these, ``p`` are
primary (learned) and ``s = out - p`` secondary: combinations of the primaries by the coefficients A (s, p).
"""

from __future__ import annotations

from dataclasses import dataclass

from lcsearch.core.spec import LayerSpec


@dataclass(frozen=True, slots=True)
class ConvShape:
    """The shape of a convolution's parameters.

    Attributes:
        in_channels: Input channels.
        out_channels: Output channels, that is filters.
        kernel: Kernel height and width.
        groups: Groups that the channels are divided into.
        bias: Whether there is a bias per output channel.
    """

    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    groups: int = 1
    bias: bool = True

    @property
    def filter_size(self) -> int:
        """Numbers in one filter."""
        return self.in_channels // self.groups * self.kernel[0] * self.kernel[1]


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


def coefficient_count(p: int, s: int, spec: LayerSpec) -> int:
    """Return how many numbers the coefficients of a ``linear`` layer take.

    Raises:
        ValueError: rank or sparsity is out of its range, or both are given.
    """
    if spec.rank is not None and spec.sparsity is not None:
        raise ValueError(f"rank={spec.rank!r} and sparsity={spec.sparsity!r} exclude each other")
    if spec.rank is not None:
        return resolve_rank(p, s, spec.rank, None) * (s + p)
    return s * p if spec.sparsity is None else kept(p, s, spec.sparsity)


def params(shape: ConvShape, spec: LayerSpec) -> int:
    """Return the numbers that one layer stores, its bias included.

    Args:
        shape: The convolution that the layer stands for.
        spec: How its filters are made.

    Raises:
        ValueError: A value of the spec is out of its range.
    """
    p, s = split(shape.out_channels, spec.alpha if spec.family == "linear" else 1.0)
    coefficients = coefficient_count(p, s, spec) if s else 0
    return p * shape.filter_size + coefficients + (shape.out_channels if shape.bias else 0)


def canonical(shape: ConvShape, spec: LayerSpec) -> LayerSpec | None:
    """Return the one spec that stands for every spec of the same layer.

    alpha becomes p / out, a rank is cut to min(s, p), sparsity becomes the share that is really zero, and
    sparsity 0 becomes full coefficients. ``params`` is the same before and after.

    Returns:
        The spec, or None where the layer saves no parameters and so should be the plain convolution.

    Raises:
        ValueError: A value of the spec is out of its range.
    """
    if spec.family == "conv":
        return None
    p, s = split(shape.out_channels, spec.alpha)
    coefficients = coefficient_count(p, s, spec) if s else 0
    if coefficients >= s * shape.filter_size:
        return None
    rank = None if spec.rank is None else resolve_rank(p, s, spec.rank, None)
    sparsity = None
    if spec.sparsity is not None and coefficients < s * p:
        sparsity = round(1 - coefficients / (s * p), 9)
    return LayerSpec("linear", round(p / shape.out_channels, 6), rank, sparsity)


def plain_macs(shape: ConvShape) -> int:
    """Return the multiply-accumulates per output position (of all channels) of the plain convolution."""
    return shape.out_channels * shape.filter_size


def feature_macs(shape: ConvShape, p: int) -> int:
    """Return the multiply-accumulates per output position of the primary filters and the 1x1 that mixes them.

    Args:
        shape: The convolution that the layer stands for.
        p: Primary filters that a secondary one combines: all, or those of its group. Every group needs the
            outputs of that many filters, and every output channel combines that many.
    """
    return shape.groups * p * shape.filter_size + shape.out_channels * p
