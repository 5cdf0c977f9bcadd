from __future__ import annotations

from hand_made import make_run, make_trial

from lcsearch.report.plots.timeline import timeline


def test_timeline():
    bars = timeline(
        make_run(make_trial(0, 93.0, start=50.0), make_trial(1, 92.0, epochs=(1.0, 92.0), start=55.0))
    )
    assert [(b.trial, b.start, b.seconds) for b in bars] == [(0, 0.0, 10.0), (1, 5.0, 20.0)]
    assert timeline(make_run(make_trial(0, None, state="rejected"))) is None
