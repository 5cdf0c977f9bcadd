from __future__ import annotations

from hand_made import make_run, make_trial

from lcsearch.report.plots.layers import kept


def test_shares_are_kept_over_plain():
    run = make_run(
        make_trial(0, 93, 1100, "baseline", counts=(("a", 1000), ("b", 100))),
        make_trial(1, 92, 350, counts=(("a", 250), ("b", 100))),
        make_trial(2, 80, 400, counts=(("a", 300), ("b", 100))),
        make_trial(3, 91, 130, counts=(("a", 100), ("new", 30))),
    )
    data = kept(run)
    assert data.trials == (3, 1, 0)
    assert data.layers == ("a", "b")
    assert data.shares == ((0.1, 0.25, 1.0), (None, 1.0, 1.0))


def test_nothing_without_a_backbone_or_a_front():
    assert kept(make_run(make_trial(1, 92, counts=(("a", 1),)))) is None
    assert kept(make_run(make_trial(0, None, origin="baseline", state="failed", counts=(("a", 1),)))) is None
