from __future__ import annotations

from hand_made import make_run, make_trial

from lcsearch.core.records import LayerCount
from lcsearch.report.layerdata import detailed_trials, heat_map, layer_rows


def test_heat_map_is_kept_over_plain():
    run = make_run(
        make_trial(0, 93, 1100, "baseline", counts=(("a", 1000), ("b", 100))),
        make_trial(1, 92, 350, counts=(("a", 250), ("b", 100))),
        make_trial(2, 80, 400, counts=(("a", 300), ("b", 100))),
        make_trial(3, 91, 130, counts=(("a", 100), ("new", 30))),
    )
    data = heat_map(run)
    assert data.trials == (3, 1, 0)
    assert data.layers == ("a", "b")
    assert data.kept == ((0.1, 0.25, 1.0), (None, 1.0, 1.0))


def test_no_heat_map_without_a_backbone_or_a_front():
    assert heat_map(make_run(make_trial(1, 92, counts=(("a", 1),)))) is None
    assert (
        heat_map(make_run(make_trial(0, None, origin="baseline", state="failed", counts=(("a", 1),)))) is None
    )


def test_rows_in_words():
    from dataclasses import replace

    layers = (
        LayerCount("a", "linear", 0.25, 4, None, 10, 1),
        LayerCount("b", "linear", 0.3, None, 0.5, 20, 1),
        LayerCount("c", "dense", 1.0, None, None, 30, 1),
    )
    rows = layer_rows(replace(make_trial(1, 90), layers=layers), {"a": 100, "c": 30})
    assert [(r.name, r.plain, r.kept, r.alpha, r.coefficients) for r in rows] == [
        ("a", 100, 10, "1/4", "rank 4"),
        ("b", None, 20, "0.3", "50% zero"),
        ("c", 30, 30, "", "plain"),
    ]


def test_the_front_and_the_hand_picked_are_always_detailed(example):
    few = {t.number for t in detailed_trials(example, 0)}
    assert {0, 1, 2, 3, 4, 5, 6} <= few
    assert few < {t.number for t in detailed_trials(example, 10**6)}
