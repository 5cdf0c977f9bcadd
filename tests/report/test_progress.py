from __future__ import annotations

import random

import pytest
from hand_made import make_run, make_trial
from invented_runs import invented_run

from lcsearch.core.records import Decision
from lcsearch.report.progress import learning_curves, progress, timeline


def test_hypervolume_by_hand():
    # Box: 88..94 points, 100..10000 params (two decades). A model of the backbone's accuracy with
    # 1000 params dominates half the axis at 5/6 of the height; the backbone alone dominates nothing.
    run = make_run(make_trial(0, 93.0, 10_000, "baseline", epochs=(90.0, 93.0)), make_trial(1, 93.0, 1000))
    data = progress(run)
    assert data.hypervolume == pytest.approx((0.0, 5 / 12))
    assert data.epochs == (2, 3)


def test_a_pause_costs_no_time_and_overlaps_count_once():
    run = make_run(
        make_trial(0, 93.0, 10_000, "baseline", start=1000.0),
        make_trial(1, 92.0, 1000, start=1005.0),
        make_trial(2, 91.0, 500, start=9000.0),
    )
    assert progress(run).seconds == pytest.approx((10.0, 15.0, 25.0))


def test_stopped_and_failed_trials_cost_epochs():
    run = make_run(
        make_trial(0, 93.0, 10_000, "baseline"),
        make_trial(1, None, state="pruned", epochs=(50.0, 60.0)),
        make_trial(2, None, state="failed", epochs=(50.0,)),
        make_trial(3, 92.0, 1000),
    )
    assert progress(run).epochs == (1, 3, 4, 5)


def test_advice():
    baseline = make_trial(0, 93.0, 1_000_000, "baseline")
    few = make_run(baseline, *[make_trial(i, 92.0, 1000) for i in range(1, 5)])
    assert "too early" in progress(few).advice
    flat = make_run(baseline, *[make_trial(i, 92.0, 1000 + i) for i in range(1, 60)])
    assert "unlikely" in progress(flat).advice
    rising = make_run(baseline, *[make_trial(i, 92.0, 900_000 - 10_000 * i) for i in range(1, 60)])
    assert progress(rising).advice.endswith("likely to help.")


def test_progress_equals_hypervolume_of_all_so_far():
    from lcsearch.core import pareto

    chance = random.Random(1)
    trials = [make_trial(0, 93.0, 10_000, "baseline")]
    trials += [make_trial(i, chance.uniform(85, 94), chance.randint(100, 12_000)) for i in range(1, 60)]
    run = make_run(*trials)
    box = pareto.box_of(93.0, 10_000, 100)
    expected = [pareto.hypervolume([(t.accuracy, t.params) for t in trials[: i + 1]], box) for i in range(60)]
    assert progress(run).hypervolume == pytest.approx(expected)


def test_no_progress_without_a_backbone():
    assert progress(make_run(make_trial(1, 90.0))) is None


def test_learning_curves():
    stopped = make_trial(
        1, None, state="pruned", epochs=(50.0,), decisions=(Decision(1, False, "dominated", (0,)),)
    )
    data = learning_curves(make_run(make_trial(0, 93.0, epochs=(80.0, 93.0)), stopped))
    assert data.rungs == (1,)
    assert [(c.trial, c.on_front, c.accuracies) for c in data.curves] == [
        (0, True, (80.0, 93.0)),
        (1, False, (50.0,)),
    ]
    assert learning_curves(make_run(make_trial(0, None, state="running"))) is None


def test_of_many_curves_the_front_stays():
    data = learning_curves(invented_run(900))
    assert len(data.curves) <= 250 < data.of
    assert sum(c.on_front for c in data.curves) > 3


def test_timeline():
    bars = timeline(
        make_run(make_trial(0, 93.0, start=50.0), make_trial(1, 92.0, epochs=(1.0, 92.0), start=55.0))
    )
    assert [(b.trial, b.start, b.seconds) for b in bars] == [(0, 0.0, 10.0), (1, 5.0, 20.0)]
    assert timeline(make_run(make_trial(0, None, state="rejected"))) == ()
