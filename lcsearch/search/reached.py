"""What a decision and a prediction look at, so that their time does not grow with the search.

Kept are the latest trials by number, and of all earlier ones the front. Which these are depends on the trials
alone, not on the order in which they became known: a restarted search looks at the same ones.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence

from lcsearch.core.pareto import front
from lcsearch.core.records import RungRecord

LATEST = 1000
"""Trials that are looked at beside the front of all earlier ones."""


class Reached:
    """Trials that have reached an epoch."""

    def __init__(self) -> None:
        self._front: list[RungRecord] = []
        self._late: list[RungRecord] = []

    def __iter__(self) -> Iterator[RungRecord]:
        yield from self._front
        yield from self._late

    def add(self, record: RungRecord) -> None:
        """Add a trial that is not there yet."""
        insort(self._late, record, key=_number)
        if len(self._late) > LATEST:
            early = sorted([*self._front, self._late.pop(0)], key=_number)
            self._front = [early[i] for i in front([(r.accuracy, float(r.params)) for r in early])]


class Curves:
    """Accuracies by epoch of the latest trials that were trained to their end."""

    def __init__(self) -> None:
        self._late: list[tuple[int, tuple[float, ...]]] = []

    def __iter__(self) -> Iterator[Sequence[float]]:
        return (curve for _, curve in self._late)

    def add(self, number: int, curve: Sequence[float]) -> None:
        """Add a trial that is not there yet."""
        insort(self._late, (number, tuple(curve)))
        del self._late[:-LATEST]


def _number(record: RungRecord) -> int:
    return record.number
