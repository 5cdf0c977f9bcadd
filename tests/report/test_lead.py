"""How far a curve is ahead of another, in numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from lcsearch.report.interpolate import Curve
from lcsearch.report.lead import lead_of

BACKBONE = (1000.0, 90.0)


def test_the_mean_is_over_the_logarithm_of_the_size():
    """From 10 to 100 the gap falls from 2 to 0; beyond, where only theirs has a corner, it is 80 - 80 = 0."""
    ours, theirs = Curve(((10, 72.0), (100, 80.0), BACKBONE)), Curve(((10, 70.0), (100, 80.0), BACKBONE))
    lead = lead_of(ours, theirs, 1000)
    assert lead is not None
    assert (lead.low, lead.high, lead.mean, lead.least, lead.most) == (10, 100, 1.0, 0.0, 2.0)
    assert lead.models == (2, 2)


def test_corners_of_both_curves_count():
    """Ours is straight from 70 at 10 to 90 at 1,000, so 80 at 100."""
    ours, theirs = Curve(((10, 70.0), BACKBONE)), Curve(((10, 69.0), (100, 70.0), BACKBONE))
    lead = lead_of(ours, theirs, 1000)
    assert lead is not None
    assert (lead.low, lead.high, lead.least, lead.most) == (10, 100, 1.0, 10.0)
    assert lead.mean == pytest.approx(5.5)
    assert lead.models == (1, 2)


def test_it_begins_where_both_have_models():
    ours, theirs = Curve(((10, 70.0), BACKBONE)), Curve(((100, 75.0), BACKBONE))
    for one, other, gap in ((ours, theirs, 5.0), (theirs, ours, -5.0)):
        lead = lead_of(one, other, 1000)
        assert lead is not None
        assert (lead.low, lead.high, lead.mean) == (100, 100, pytest.approx(gap))
        assert lead.models == (1, 1)


def test_without_a_smaller_model_there_is_none():
    assert lead_of(Curve((BACKBONE,)), Curve(((10, 70.0), BACKBONE)), 1000) is None


def test_the_mean_of_several_models_is_surer_than_one():
    ours, theirs = Curve(((10, 72.0), (100, 80.0), BACKBONE)), Curve(((10, 70.0), BACKBONE))
    lead = lead_of(ours, theirs, 1000)
    assert lead is not None
    assert lead.chance(0.4) == pytest.approx(0.4 * math.sqrt(1 / 2 + 1))
