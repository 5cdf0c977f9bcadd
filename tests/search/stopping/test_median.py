from __future__ import annotations

from lcsearch.core.records import RungRecord
from lcsearch.search.stopping import Arrival
from lcsearch.search.stopping.median import above_median

OTHERS = tuple(RungRecord(n, 1_000, 80.0 + n) for n in range(5))


def ask(accuracy: float, others: tuple[RungRecord, ...] = OTHERS) -> tuple[bool, str]:
    return above_median(Arrival(RungRecord(9, 10, accuracy), others, None, 5_000, 3))


def test_who_is_below_the_median_is_stopped() -> None:
    assert ask(81.9) == (False, "below the median accuracy 82.00 % of 5 others")
    assert ask(82.0) == (True, "not below the median accuracy 82.00 % of 5 others")


def test_the_metric_is_named() -> None:
    arrival = Arrival(RungRecord(9, 10, 81.0), OTHERS, None, 5_000, 3, "macro F1")
    assert above_median(arrival) == (False, "below the median macro F1 82.00 % of 5 others")


def test_nothing_is_stopped_while_few_have_arrived() -> None:
    assert ask(1.0, OTHERS[:4]) == (True, "fewer than 5 others have reached the rung")
