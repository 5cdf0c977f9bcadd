from __future__ import annotations

import random

import pytest
from hand_made import make_run, make_trial

from lcsearch.report.plots.hypervolume import advice, growth


def test_hypervolume_by_hand():
    # Box: 88..94 points, 100..10000 params (two decades). A model of the backbone's accuracy with
    # 1000 params dominates half the axis at 5/6 of the height; the backbone alone dominates nothing.
    run = make_run(make_trial(0, 93.0, 10_000, "baseline", epochs=(90.0, 93.0)), make_trial(1, 93.0, 1000))
    data = growth(run)
    assert data.hypervolume == pytest.approx((0.0, 5 / 12))
    assert data.epochs == (2, 3)


def test_a_pause_costs_no_time_and_overlaps_count_once():
    run = make_run(
        make_trial(0, 93.0, 10_000, "baseline", start=1000.0),
        make_trial(1, 92.0, 1000, start=1005.0),
        make_trial(2, 91.0, 500, start=9000.0),
    )
    assert growth(run).seconds == pytest.approx((10.0, 15.0, 25.0))


def test_stopped_and_failed_trials_cost_epochs():
    run = make_run(
        make_trial(0, 93.0, 10_000, "baseline"),
        make_trial(1, None, state="pruned", epochs=(50.0, 60.0)),
        make_trial(2, None, state="failed", epochs=(50.0,)),
        make_trial(3, 92.0, 1000),
    )
    assert growth(run).epochs == (1, 3, 4, 5)


def test_advice():
    baseline = make_trial(0, 93.0, 1_000_000, "baseline")
    few = make_run(baseline, *[make_trial(i, 92.0, 1000) for i in range(1, 5)])
    assert "too early" in advice(growth(few))
    flat = make_run(baseline, *[make_trial(i, 92.0, 1000 + i) for i in range(1, 60)])
    assert "unlikely" in advice(growth(flat))
    rising = make_run(baseline, *[make_trial(i, 92.0, 900_000 - 10_000 * i) for i in range(1, 60)])
    assert advice(growth(rising)).endswith("likely to help.")


def test_it_equals_hypervolume_of_all_so_far():
    from lcsearch.core import pareto

    chance = random.Random(1)
    trials = [make_trial(0, 93.0, 10_000, "baseline")]
    trials += [make_trial(i, chance.uniform(85, 94), chance.randint(100, 12_000)) for i in range(1, 60)]
    run = make_run(*trials)
    box = pareto.box_of(93.0, 10_000, 100)
    expected = [pareto.hypervolume([(t.accuracy, t.params) for t in trials[: i + 1]], box) for i in range(60)]
    assert growth(run).hypervolume == pytest.approx(expected)


def test_nothing_without_a_backbone():
    assert growth(make_run(make_trial(1, 90.0))) is None
