"""What decisions look at stays small, and is the same in whatever order trials become known."""

from __future__ import annotations

import random

import pytest

from lcsearch.core.records import RungRecord
from lcsearch.search import reached
from lcsearch.search.reached import Curves, Reached


def dominated(one: RungRecord, others: list[RungRecord]) -> bool:
    """By definition: another is no larger and no worse, and better in one; of equals the first stays."""
    return any(
        o.params <= one.params
        and o.accuracy >= one.accuracy
        and ((o.params, o.accuracy) != (one.params, one.accuracy) or o.number < one.number)
        for o in others
        if o is not one
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_latest_and_the_front_of_the_earlier_are_kept(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reached, "LATEST", 10)
    rng = random.Random(seed)
    records = [RungRecord(n, rng.randrange(1, 12), float(rng.randrange(60, 70))) for n in range(60)]
    early, late = records[:-10], records[-10:]
    expected = {r.number for r in early if not dominated(r, early)} | {r.number for r in late}
    for order in (records, records[::-1], rng.sample(records, len(records))):
        kept = Reached()
        for record in order:
            kept.add(record)
        found = [record.number for record in kept]
        assert len(found) == len(set(found)) and set(found) == expected


def test_the_latest_curves_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reached, "LATEST", 3)
    curves = Curves()
    for number in (4, 0, 3, 1, 2):
        curves.add(number, [float(number), 90.0])
    assert list(curves) == [(2.0, 90.0), (3.0, 90.0), (4.0, 90.0)]
