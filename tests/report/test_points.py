from __future__ import annotations

import pytest
from hand_made import make_run, make_trial

from lcsearch.core.records import RetrainRecord
from lcsearch.report.points import (
    binomial_error,
    front_line,
    mean_interval,
    retrained_points,
    validation_images,
)


def test_binomial_error():
    assert binomial_error(90.0, 10_000) == pytest.approx(0.3, abs=1e-3)
    assert binomial_error(100.0, 1000) > 0
    assert binomial_error(90.0, None) is None


def test_mean_interval_is_student_t():
    # t(0.975, 2) = 4.3027 (any table); three values one apart have standard deviation 1.
    mean, half = mean_interval([91.0, 92.0, 93.0])
    assert mean == pytest.approx(92.0)
    assert half == pytest.approx(4.3027 / 3**0.5, abs=1e-4)
    assert mean_interval([91.0]) == (91.0, None)


def test_the_two_fronts_differ():
    trials = [make_trial(0, 90, 1000, macs=5), make_trial(1, 89, 500, macs=9), make_trial(2, 88, 700, macs=4)]
    assert [p.trial for p in front_line(trials, "params")] == [1, 0]
    assert [p.trial for p in front_line(trials, "macs")] == [2, 0]


def test_retrained_points():
    run = make_run(
        make_trial(0, 90, 1000),
        make_trial(1, 89, 500),
        retrained=(RetrainRecord(0, 9, (0, 1), (91.0, 92.0), 100), RetrainRecord(7, 9, (0,), (1.0,), 100)),
    )
    (point,) = retrained_points(run)
    assert (point.trial, point.accuracy, point.params) == (0, 91.5, 1000)
    # t(0.975, 1) = 12.706
    assert point.error == pytest.approx(12.706 * 0.5**0.5 / 2**0.5, abs=1e-3)


def test_validation_images():
    assert validation_images(make_run(images=5000)) == 5000
    assert validation_images(make_run(images=None)) is None
