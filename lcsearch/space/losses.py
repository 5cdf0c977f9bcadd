"""What a model loses when one layer is compressed: measured for some specs, interpolated for all others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lcsearch.layers import arithmetic
from lcsearch.spec import LayerSpec

_LEAST, _MOST = math.log(1e-6), math.log(20.0)
"""Logarithms of the losses in nats that a plain layer and the worst one count as having."""


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """The loss of a model, in nats, by the spec of the one layer that is compressed.

    Logarithms of losses are straight lines between those measured, and beyond the smallest: for each measured
    alpha over the logarithm of what the coefficients keep, then over the logarithm of alpha. More never loses
    more. Coefficients keep the share rank / min(s, p) where they are low-rank. Sparse ones are not measured:
    they count as keeping the square root of their density, because they lose less than low-rank ones that
    store as much.

    Attributes:
        out: Output channels of the layer.
        alphas: Logarithms of the measured shares of primary filters, rising.
        kept: For each of them the logarithms of what the coefficients keep, rising.
        losses: For each of these the logarithm of the loss.
    """

    out: int
    alphas: tuple[float, ...]
    kept: tuple[tuple[float, ...], ...]
    losses: tuple[tuple[float, ...], ...]

    @classmethod
    def through(cls, measured: Iterable[tuple[LayerSpec, float]], out_channels: int) -> LayerLoss:
        """What was measured of a layer, at least once: specs, full or low-rank, and the model's losses."""
        rows: dict[float, dict[float, float]] = {}
        for spec, loss in measured:
            p, s = arithmetic.split(out_channels, spec.alpha)
            row = rows.setdefault(math.log(p / out_channels), {})
            kept = _kept(spec, p, s)
            row[kept] = min(row.get(kept, math.inf), math.log(loss) if loss > 0 else _LEAST)
        tables = [sorted(rows[alpha].items()) for alpha in sorted(rows)]
        return cls(
            out_channels,
            tuple(sorted(rows)),
            tuple(tuple(kept for kept, _ in table) for table in tables),
            tuple(_falling([loss for _, loss in table]) for table in tables),
        )

    def __call__(self, spec: LayerSpec) -> float:
        """The loss in nats of a canonical spec that is not plain."""
        p, s = arithmetic.split(self.out, spec.alpha)
        kept = _kept(spec, p, s)
        losses = [_line(kept, *row) for row in zip(self.kept, self.losses, strict=True)]
        found = _line(math.log(p / self.out), (*self.alphas, 0.0), _falling([*losses, _LEAST]))
        return math.exp(min(found, _MOST))


def _kept(spec: LayerSpec, p: int, s: int) -> float:
    """The logarithm of what coefficients keep."""
    if spec.rank is not None:
        return math.log(spec.rank / min(p, s))
    return 0.0 if spec.sparsity is None else 0.5 * math.log(max(1.0 - spec.sparsity, 1 / (p * s)))


def _falling(losses: Sequence[float]) -> tuple[float, ...]:
    """Each loss, or a smaller one before it; none below that of a plain layer."""
    return tuple(np.minimum.accumulate(np.maximum(losses, _LEAST)).tolist())


def _line(x: float, places: Sequence[float], values: Sequence[float]) -> float:
    """Straight lines between values at rising places, and beyond the first; beyond the last, its value."""
    if x < places[0] and len(places) > 1:
        slope = (values[1] - values[0]) / (places[1] - places[0])
        return values[0] + slope * (x - places[0])
    return float(np.interp(x, places, values))
