from __future__ import annotations

import math

import pytest
from hand_made import make_run, make_trial
from invented_runs import invented_run

from lcsearch.report.lines import MOST_LINES
from lcsearch.report.plots.parallel import parallel


def test_heights_are_by_hand():
    run = make_run(
        make_trial(0, 93.0, 1000, "baseline", counts=(("a", 100), ("b", 7))),
        make_trial(1, 92.0, 100, counts=(("a", 1), ("b", 7)), weight=1e-2),
        make_trial(2, 70.0, 10, counts=(("a", 10), ("b", 7)), weight=1e-4),
    )
    data = parallel(run)
    assert [(a.name, a.low, a.high) for a in data.axes] == [
        ("a", "0.01", "1"),
        ("regularizer", "off", "1e-02"),
        ("parameters", "10", "1.00k"),
        ("accuracy", "≤ 83.0 %", "93.0 %"),
    ]
    rows = {line.trial: line.heights for line in data.lines}
    assert rows[0] == pytest.approx((1, 0, 1, 1))
    assert rows[1] == pytest.approx((0, 1, 0.5, 0.9))
    assert rows[2] == pytest.approx((0.5, 0.2, 0, 0), abs=1e-3)
    assert all(math.isfinite(h) for heights in rows.values() for h in heights)


def test_one_trial_or_equal_trials_have_none():
    assert parallel(make_run(make_trial(0, 93.0))) is None
    assert parallel(make_run(make_trial(0, 93.0), make_trial(1, 93.0))) is None


def test_of_many_lines_the_front_stays():
    data = parallel(invented_run(900))
    assert len(data.lines) == MOST_LINES < data.of
    assert any(line.on_front for line in data.lines)
