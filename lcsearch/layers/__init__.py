"""LinearConv layers: convolutions whose filters are partly linear combinations of the others.

This package knows nothing of models, data or search.
"""

from __future__ import annotations

from lcsearch.layers.families import build
from lcsearch.layers.linear_conv import LinearConv2d, coefficient_parameters
from lcsearch.layers.pruning import PRUNE_END, PRUNE_START, prune_coefficients
from lcsearch.layers.regularize import correlation_loss

__all__ = [
    "PRUNE_END",
    "PRUNE_START",
    "LinearConv2d",
    "build",
    "coefficient_parameters",
    "correlation_loss",
    "prune_coefficients",
]
