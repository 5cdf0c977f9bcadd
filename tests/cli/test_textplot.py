from __future__ import annotations

import sys
from pathlib import Path

from lcsearch.cli.textplot import HEIGHT, WIDTH, text_plot

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bench_report import invented_run, invented_trial


def test_it_fits_80_columns():
    lines = text_plot(invented_run(200).trials).splitlines()
    assert len(lines) == HEIGHT + 3
    assert max(map(len, lines)) <= WIDTH + 8 < 80


def test_places_by_hand():
    trials = invented_run(5).trials
    lines = text_plot(trials).splitlines()
    largest, smallest = max(t.params for t in trials), min(t.params for t in trials)
    assert lines[0][7 + WIDTH] == "B"  # the backbone: most parameters, and the best accuracy
    assert lines[0].startswith(" 93.3 %┤")
    assert trials[0].params == largest
    left = {line[8] for line in lines[:HEIGHT] if len(line) > 8}
    assert left & {"u", "t"}
    assert smallest < largest
    assert "9.23M" in lines[HEIGHT + 1]
    assert "B backbone" in lines[-1] and "o front" not in lines[-1]


def test_ascii():
    assert text_plot(invented_run(50).trials, ascii_only=True).isascii()


def test_nothing_to_draw():
    assert text_plot(()) == ""
    assert text_plot([invented_trial(0, {})]) == ""


def test_equal_trials_draw_without_error():
    trials = [invented_trial(0, {}), invented_trial(0, {})]
    assert "o" in text_plot(trials)
