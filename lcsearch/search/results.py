"""What an objective reports and returns, as far as it can be recorded."""

from __future__ import annotations

import math

from lcsearch.core.job import Metrics


def problem_of(metrics: Metrics) -> str | None:
    """Why what an objective reports or returns cannot be recorded, or None."""
    if "accuracy" not in metrics:
        return "the objective gave no 'accuracy'"
    value = metrics["accuracy"]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"accuracy is {value!r}, of type {type(value).__name__}; a number is needed"
    return None if math.isfinite(value) else f"accuracy is {value}"


def extras_of(metrics: Metrics) -> dict[str, float]:
    """What an objective returned beside the accuracy, as far as it is numbers."""
    return {
        key: float(value)
        for key, value in metrics.items()
        if key != "accuracy" and isinstance(value, (int, float)) and not isinstance(value, bool)
    }
