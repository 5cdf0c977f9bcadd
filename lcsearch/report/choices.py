"""What was chosen for one layer, in words and in numbers: nothing else in the report reads a layer's spec."""

from __future__ import annotations

import math

from lcsearch.core.records import LayerCount
from lcsearch.core.spec import LayerSpec
from lcsearch.core.text import format_share

TABLE_HEAD = ("alpha", "coeff.")
"""What the columns of `table_words` are."""

PLAIN = LayerSpec("conv")
"""The spec of a layer that no spec names."""

_FULL_RANK_LOG2 = 12.0


def layer_words(layer: LayerSpec) -> str:
    """Say how one layer's filters are made, such as ``alpha 1/4, rank 10``."""
    if layer.family == "conv":
        return "plain"
    words = f"alpha {format_share(layer.alpha)}"
    if layer.rank is not None:
        return f"{words}, rank {layer.rank}"
    if layer.sparsity is not None:
        return f"{words}, {layer.sparsity:.0%} of coefficients zero"
    return words


def table_words(layer: LayerCount) -> tuple[str, str]:
    """Say the same in the cells of a table, as many as `TABLE_HEAD` has."""
    if layer.family != "linear" or (layer.alpha == 1 and layer.rank is None and layer.sparsity is None):
        return "", "plain"
    alpha = format_share(layer.alpha)
    if layer.rank is not None:
        return alpha, f"rank {layer.rank}"
    return alpha, "full" if layer.sparsity is None else f"{layer.sparsity:.0%} zero"


def layer_numbers(layer: LayerSpec) -> tuple[float, float, float]:
    """Encode a layer's choice for a regression: the same length for every layer, larger for more filters."""
    if layer.family == "conv":
        return 0.0, _FULL_RANK_LOG2, 1.0
    rank = _FULL_RANK_LOG2 if layer.rank is None else math.log2(layer.rank)
    return math.log2(layer.alpha), rank, 1.0 - (layer.sparsity or 0.0)
