from __future__ import annotations

from hand_made import make_run, make_trial
from invented_runs import invented_run

from lcsearch.core.records import ACCURACY_BEFORE, Decision
from lcsearch.report.lines import MOST_LINES
from lcsearch.report.plots.learning import learning_curves


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
    assert len(data.curves) <= MOST_LINES < data.of
    assert sum(c.on_front for c in data.curves) > 3


def test_a_model_cut_out_of_the_backbone_begins_at_epoch_0():
    cut = make_trial(1, 90.0, epochs=(88.0, 90.0), metrics={ACCURACY_BEFORE: 40.0})
    (curve,) = learning_curves(make_run(cut)).curves
    assert (curve.epochs, curve.accuracies) == ((0, 1, 2), (40.0, 88.0, 90.0))
