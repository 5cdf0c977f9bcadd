from __future__ import annotations

import math

import numpy as np
import pytest

from lcsearch.search.predict import predict_final


def test_a_line_is_found_again():
    # final = 70 + 0.25 * first: the gain falls with slope -0.75.
    starts = np.linspace(20, 90, 200)
    finished = [[s, 0.0, 70 + 0.25 * s] for s in starts]
    assert predict_final([60.0], finished) == pytest.approx(85.0, abs=0.01)


def test_least_squares_with_enough_curves():
    rng = np.random.default_rng(0)
    starts = rng.uniform(40, 80, 300)
    finals = 60 + 0.4 * starts + rng.normal(0, 0.5, 300)
    slope, intercept = np.polyfit(starts, finals, 1)
    finished = list(zip(starts, finals, strict=True))
    assert predict_final([55.0], finished) == pytest.approx(intercept + slope * 55.0, abs=0.01)


def test_one_finished_curve_lends_its_gain():
    assert predict_final([70.0], [[80.0, 85.0, 90.0]]) == pytest.approx(80.0)
    assert predict_final([60.0, 70.0], [[80.0, 85.0, 90.0]]) == pytest.approx(75.0)


def test_curves_close_together_say_little_of_the_slope():
    # Gains of 10 and 9 from 80 and 82: 9.5 from 81 on average, and 1 less for 12 points more, not for 2.
    assert predict_final([75.0], [[80.0, 90.0], [82.0, 91.0]]) == pytest.approx(75 + 9.5 + 6 / 12)


def test_never_overtakes_and_never_falls_behind_further():
    rising = [[s, s + (s - 50)] for s in (50.0, 60.0, 70.0)]  # the better gain more: slope above 0
    assert predict_final([40.0], rising) == pytest.approx(50.0)
    crossing = [[s, 100 - s] for s in (10.0, 30.0, 50.0, 70.0, 90.0)]  # slope below -1
    assert predict_final([0.0], crossing) == pytest.approx(50.0, abs=0.5)


def test_order_is_kept_at_a_rung():
    finished = [[70.0, 80.0, 88.0], [75.0, 84.0, 90.0], [80.0, 85.0, 90.5]]
    low, high = predict_final([60.0], finished), predict_final([65.0], finished)
    assert low < high < 90.5


def test_shorter_finished_curves_do_not_count():
    assert predict_final([70.0], [[80.0, 90.0], [10.0]]) == pytest.approx(80.0)
    assert predict_final([70.0], [[80.0]]) == 70.0


def test_edges():
    assert predict_final([], [[1.0, 2.0]]) is None
    assert predict_final([70.0], []) == 70.0
    assert predict_final([99.0], [[50.0, 90.0]]) == 100.0
    for curve, finished in (([math.nan], []), ([1.0], [[1.0, math.inf]])):
        with pytest.raises(ValueError, match=r"^a curve holds an accuracy that is not finite$"):
            predict_final(curve, finished)
