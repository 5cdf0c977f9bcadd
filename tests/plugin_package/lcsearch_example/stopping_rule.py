"""A stopping rule: who is the last of a rung does not go on."""

from __future__ import annotations

from lcsearch.search.stopping import Arrival


def not_the_last(arrival: Arrival) -> tuple[bool, str]:
    behind = sum(other.accuracy < arrival.trial.accuracy for other in arrival.others)
    if behind or not arrival.others:
        return True, f"{behind} are behind it"
    return False, "the last of its rung"
