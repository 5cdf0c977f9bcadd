from __future__ import annotations

from dataclasses import replace

from hand_made import make_trial

from lcsearch.core.records import LayerCount
from lcsearch.report.layer_table import detailed_trials, layer_rows


def test_rows_in_words():
    layers = (
        LayerCount("a", "linear", 10, 1, {"alpha": 0.25, "rank": 4, "sparsity": None}),
        LayerCount("b", "linear", 20, 1, {"alpha": 0.3, "rank": None, "sparsity": 0.5}),
        LayerCount("c", "dense", 30, 1),
    )
    plain = {"a": LayerCount("a", "conv", 100, 1), "c": LayerCount("c", "dense", 30, 1)}
    rows = layer_rows(replace(make_trial(1, 90), layers=layers), plain)
    assert [(r.name, r.plain, r.kept, *r.choice) for r in rows] == [
        ("a", 100, 10, "", "1/4", "rank 4"),
        ("b", None, 20, "", "0.3", "50% zero"),
        ("c", 30, 30, "", "", "plain"),
    ]


def test_a_row_says_how_many_channels_stayed_if_not_all():
    layers = (
        LayerCount("a", "conv", 10, 1, outputs=24),
        LayerCount("b", "conv", 20, 1, outputs=32),
        LayerCount("c", "dense", 30, 1, outputs=10),
        LayerCount("old", "conv", 30, 1),
    )
    plain = {name: LayerCount(name, "conv", 99, 1, outputs=32) for name in ("a", "b", "old")}
    rows = layer_rows(replace(make_trial(1, 90), layers=layers), plain)
    assert [row.choice[0] for row in rows] == ["24 of 32", "", "", ""]


def test_the_front_and_the_hand_picked_are_always_detailed(example):
    few = {t.number for t in detailed_trials(example, 0)}
    assert {0, 1, 2, 3, 4, 5, 6} <= few
    assert few < {t.number for t in detailed_trials(example, 10**6)}
