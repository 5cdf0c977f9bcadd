from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from lcsearch.search.predict import Curve, extrapolate


def predict_final(curve: Curve, finished: Sequence[Curve]) -> float:
    return extrapolate(curve, finished).accuracy


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
    assert predict_final([70.0], []) == 70.0
    assert predict_final([99.0], [[50.0, 90.0]]) == 100.0
    for curve, finished in (([math.nan], []), ([1.0], [[1.0, math.inf]])):
        with pytest.raises(ValueError, match=r"^a curve holds an accuracy that is not finite$"):
            predict_final(curve, finished)
    with pytest.raises(ValueError, match=r"^a curve without an epoch says nothing of its end$"):
        extrapolate([], [[1.0, 2.0]])


def test_the_error_is_what_a_line_leaves_of_many_curves():
    """As drawn: 0.9 points around a line, after the first epoch and after the second."""
    rng = np.random.default_rng(1)
    starts = rng.uniform(40, 80, 400)
    finals = 60 + 0.4 * starts + rng.normal(0, 0.9, 400)
    finished = [[start, start + 1, final] for start, final in zip(starts, finals, strict=True)]
    assert extrapolate([55.0], finished).error == pytest.approx(0.9, rel=0.1)
    assert extrapolate([55.0, 56.0], finished).error == pytest.approx(0.9, rel=0.1)


def test_few_curves_say_little_of_the_error():
    """0.6 points after one epoch, half of it after four; three curves without a miss are one of five."""
    assert extrapolate([70.0], [[80.0, 90.0]]).error == pytest.approx(0.6)
    four = [[80.0, 81.0, 82.0, 83.0, 90.0]]
    assert extrapolate([70.0, 71.0, 72.0, 73.0], four).error == pytest.approx(0.3)
    level = [[80.0, 90.0]] * 3
    assert extrapolate([70.0], level).error == pytest.approx(0.6 * math.sqrt(4 / 5))
    two = [[50.0, 60.0], [60.0, 80.0]]  # leave nothing to judge a line by
    assert extrapolate([50.0], two).error == pytest.approx(0.6)


def test_no_prediction_is_surer_than_a_training_is_repeatable():
    assert extrapolate([70.0], [[80.0, 90.0]] * 1000).error == 0.2
    assert extrapolate([70.0, 75.0], [[80.0, 90.0]]).error == 0.0
