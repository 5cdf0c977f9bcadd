"""The axes of plots of accuracy against size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lcsearch.report.points import Size

_SIZE_TITLES: dict[Size, str] = {
    "params": "parameters",
    "macs": "multiply-accumulates per image",
    "trainable": "trainable numbers",
}
_DEEPEST = 10
_NARROWEST = 1.0


def size_layout(size: Size, window: tuple[float, float], metric: str = "accuracy") -> dict[str, Any]:
    """Return Plotly's layout of accuracy against a size.

    Args:
        size: What accuracy is plotted against, on a log axis.
        window: Accuracies that are shown at first, in percent.
        metric: What people call an accuracy.
    """
    return {
        "xaxis": {
            "type": "log",
            "title": {"text": _SIZE_TITLES[size]},
            "dtick": "D2",
            "tickformat": "~s",
        },
        "yaxis": {"title": {"text": f"{metric}, %"}, "range": [round(v, 3) for v in window]},
        "hovermode": "closest",
        "dragmode": "zoom",
    }


def window_of(accuracies: Iterable[float]) -> tuple[float, float]:
    """Return the range of accuracies that matter: no lower than 10 points under the best of them."""
    known = list(accuracies)
    if not known:
        return 0.0, 100.0
    highest = max(known)
    lowest = max(min(known), highest - _DEEPEST)
    margin = 0.08 * max(highest - lowest, _NARROWEST) + 0.1
    return lowest - margin, min(highest + margin, 100.5)
