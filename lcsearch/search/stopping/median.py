"""Early stopping by accuracy alone: who is below the median of a rung is stopped."""

from __future__ import annotations

from statistics import median

from lcsearch.search.stopping import Arrival

STARTUP = 5
"""Nothing is stopped before so many others have reached the rung."""


def above_median(arrival: Arrival) -> tuple[bool, str]:
    """Let a trial go on unless it is below the median accuracy of the others."""
    seen, trial = arrival.others, arrival.trial
    if len(seen) < STARTUP:
        return True, f"fewer than {STARTUP} others have reached the rung"
    middle = median(other.accuracy for other in seen)
    if trial.accuracy < middle:
        return False, f"below the median {arrival.metric} {middle:.2f} % of {len(seen)} others"
    return True, f"not below the median {arrival.metric} {middle:.2f} % of {len(seen)} others"


STOPPING_RULE = above_median
