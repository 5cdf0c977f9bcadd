from __future__ import annotations

import pytest
from hand_made import make_run, make_trial

from lcsearch.report.times import Busy, busy_words, end_of, time_unit

TRIALS = (
    make_trial(0, 93.0, start=1000.0),  # until 1010
    make_trial(1, 92.0, start=1005.0),  # until 1015
    make_trial(2, None, state="rejected"),
    make_trial(3, 91.0, start=9000.0, epochs=(90.0, 91.0)),  # until 9020
)


@pytest.mark.parametrize(
    ("moment", "seconds"), [(999, 0), (1000, 0), (1007, 7), (1012, 12), (5000, 15), (9005, 20), (1e9, 35)]
)
def test_overlaps_count_once_and_pauses_not_at_all(moment, seconds):
    assert Busy(TRIALS).until(moment) == seconds


def test_busy_words():
    assert busy_words(make_run(*TRIALS)) == "35s"
    assert busy_words(make_run()) == "0s"


def test_the_end_is_never_before_the_last_epoch():
    running = make_trial(0, None, state="running", start=100.0, epochs=(1.0, 2.0), finished_at=None)
    assert end_of(running) == 120.0
    assert end_of(make_trial(0, 1.0, start=100.0, finished_at=500.0)) == 500.0


@pytest.mark.parametrize(
    ("seconds", "unit"),
    [(119, (1.0, "seconds")), (120, (60.0, "minutes")), (7199, (60.0, "minutes")), (7200, (3600.0, "hours"))],
)
def test_the_unit_of_an_axis(seconds, unit):
    assert time_unit(seconds) == unit
