from __future__ import annotations

from hand_made import make_run, make_trial

from lcsearch.report.plots.front import front


def test_every_trial_is_shown_once(example):
    data = front(example, "params")
    kinds = (data.complete, data.stopped, data.running)
    seen = [p.trial for kind in kinds for p in kind]
    seen += [n for n, _, _ in data.untrained]
    best = {p.trial for p in data.front}
    hand = {p.trial for p in (*data.uniform, *data.thinner)}
    assert len(seen) == len(set(seen))
    assert not set(seen) & (best | hand)
    assert set(seen) | best | hand == {t.number for t in example.trials}


def test_the_front_against_brute_force(example):
    done = [t for t in example.trials if t.state == "complete"]
    for axis in ("params", "macs"):
        expected = {
            t.number
            for t in done
            if not any(
                o.accuracy >= t.accuracy
                and getattr(o, axis) <= getattr(t, axis)
                and (o.accuracy > t.accuracy or getattr(o, axis) < getattr(t, axis))
                for o in done
            )
        }
        assert {p.trial for p in front(example, axis).front} == expected


def test_curves_end_in_the_backbone():
    run = make_run(
        make_trial(0, 93, 1000, "baseline"),
        make_trial(1, 92, 300, "uniform"),
        make_trial(2, 91, 100, "uniform"),
    )
    data = front(run, "params")
    assert [p.trial for p in data.uniform] == [2, 1, 0]
    assert data.thinner == ()


def test_the_window_shows_what_matters_and_counts_the_rest():
    run = make_run(
        make_trial(0, 93, 1000, "baseline"),
        make_trial(1, 10, 50),
        make_trial(2, 92, 300),
        make_trial(3, None, 200, state="pruned", epochs=(11.0,)),
    )
    data = front(run, "params")
    assert 82 < data.window[0] <= 83 < 93 < data.window[1]
    assert data.below == 2
    assert [p.accuracy for p in data.stopped] == [11.0]


def test_trials_without_accuracy():
    run = make_run(
        make_trial(0, 93, 1000, "baseline"),
        make_trial(1, None, 400, state="rejected"),
        make_trial(2, None, 500, state="failed"),
        make_trial(3, None, 0, state="failed"),
    )
    assert front(run, "macs").untrained == ((1, 4000, "rejected"), (2, 5000, "failed"))
