"""Models that promise to lose the least at a size, where it is known what each layer loses alone.

A model whose layers each minimise loss + price x parameters loses the least of all models of its size; the
price that leads to a size is found by bisection (Everett 1963, generalized Lagrange multipliers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lcsearch.space.groups import Group, Pick
from lcsearch.space.parameters import Number

if TYPE_CHECKING:
    from lcsearch.samplers._layout import Layout

_ALPHAS = 16
"""Alphas of a layer that are priced, in equal steps of their logarithm."""
_AMOUNTS = (0.3, 0.6, 0.9)
"""Shares of the range of a rank or a sparsity that are priced."""
_DOUBT = 0.5
"""Standard deviation of a layer's log loss: in company it loses more or less than alone."""
_HALVINGS = 24
_DIGITS = 2


class Prices:
    """The choices of each group that are priced.

    Args:
        layout: The space's genes, with known losses; at its full width.
    """

    def __init__(self, layout: Layout) -> None:
        self._picks = [_picks(layout, index, group) for index, group in enumerate(layout.groups)]
        shape = len(self._picks), max(map(len, self._picks))
        self._sizes, self._losses = np.full(shape, np.inf), np.full(shape, np.inf)
        for index, picks in enumerate(self._picks):
            looks = [layout.look(index, pick) for pick in picks]
            self._sizes[index, : len(looks)] = [look.params for look in looks]
            self._losses[index, : len(looks)] = [look.loss for look in looks]
        self._others = layout.other_params

    def cheapest(self, params: np.ndarray, rng: np.random.Generator) -> list[tuple[Pick, ...]]:
        """For each size picks that together lose little and store no more, or as little as they can.

        Args:
            params: Parameters of whole models (n,).
            rng: Draws for each model how wrong each layer's loss is taken to be.
        """
        doubts = np.exp(_DOUBT * rng.standard_normal((len(params), len(self._picks))))
        losses = self._losses * doubts[:, :, None]
        low, high = np.full(len(params), -40.0), np.full(len(params), 10.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            fits = self._size(self._chosen(losses, middle)) <= params
            low, high = np.where(fits, low, middle), np.where(fits, middle, high)
        return [
            tuple(picks[place] for picks, place in zip(self._picks, places, strict=True))
            for places in self._chosen(losses, high)
        ]

    def _chosen(self, losses: np.ndarray, log_price: np.ndarray) -> np.ndarray:
        """Places (n, groups) of the choices with the smallest sums of loss and price."""
        found: np.ndarray = np.argmin(losses + np.exp(log_price)[:, None, None] * self._sizes, axis=2)
        return found

    def _size(self, places: np.ndarray) -> np.ndarray:
        """Parameters (n,) of whole models."""
        own: np.ndarray = self._sizes[np.arange(len(self._picks)), places].sum(axis=1)
        return own + self._others


def _picks(layout: Layout, index: int, group: Group) -> list[Pick]:
    picks = [Pick()] if "conv" in group.rule.kind else []
    if "linear" in group.rule.kind:
        ends = group.rule.alpha.low, group.rule.alpha.high
        alphas = sorted({layout.alpha(index, float(alpha)) for alpha in np.geomspace(*ends, _ALPHAS)})
        for kind in group.rule.coefficients:
            amounts = _amounts(layout.amounts[index].get(kind))
            picks += [Pick(alpha, kind, amount) for alpha in alphas for amount in amounts]
    return picks


def _amounts(number: Number | None) -> list[float | None]:
    if number is None:
        return [None]
    low, high = number.range.low, number.range.high
    shares = [low * (high / low) ** s if number.range.log else low + (high - low) * s for s in _AMOUNTS]
    return list(dict.fromkeys(number.clip(round(share, _DIGITS)) for share in shares))
