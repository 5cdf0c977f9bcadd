"""The ladder of bench_throughput: the same model by hand and of lcsearch's layers, a row for each side."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch
from programs import run_script

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
from throughput_ladder import ALL, HAND, OURS, STEPS, Side, correlation, lines, net_of, sides

from lcsearch.layers.regularize import correlation as correlations

pytestmark = pytest.mark.slow


def test_by_hand_it_is_the_same_model() -> None:
    hand, ours = (net_of(Side(steps, 0.25)) for steps in (frozenset(), frozenset({"layers"})))
    sizes = [sorted(p.numel() for p in net.parameters() if p.ndim > 1) for net in (hand, ours)]
    assert sizes[0] == sizes[1]
    primary = torch.randn(6, 2, 3, 3)
    torch.testing.assert_close(correlation(primary), correlations(primary).abs().sum() / 30)


def test_all_of_it_has_bfloat16_where_that_is_faster_and_a_plain_net_no_layers() -> None:
    compared = sides(0.25, "bfloat16")
    assert list(compared) == [HAND, *STEPS, ALL, OURS]
    assert compared[ALL].steps == frozenset(STEPS) and not compared[HAND].steps
    assert sides(0.25, "float32")[ALL].steps == frozenset(STEPS) - {"bfloat16"}
    plain = sides(1.0, "float32")
    assert "layers" not in plain and plain[OURS].whole and plain[OURS].alpha == 1


def test_a_row_says_the_median_and_the_spread() -> None:
    rows = list(lines({HAND: [1.0, 1.0, 1.0], "layout": [1.5, 1.25, 1.0]}))
    assert rows[1].split()[2:] == ["1.00", "1.00", "to", "1.00"]
    assert rows[2] == "layout           1.25  1.00 to 1.50  channels-last"


def test_every_side_is_measured() -> None:
    small = ["--ladder", "--images", "8", "--batch", "8", "--repeats", "1"]
    rows = run_script("bench_throughput.py", *small).splitlines()[2:]
    assert [re.split(r"  +", row)[0] for row in rows] == [HAND, *STEPS, ALL, OURS]
    assert rows[0].split()[2] == "1.00" and all(re.search(r" \d+\.\d\d ", row) for row in rows)
