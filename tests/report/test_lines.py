from __future__ import annotations

from itertools import pairwise

import plotly.graph_objects as go
from hand_made import make_trial

from lcsearch.report.lines import MOST_LINES, Line, add_lines, drawn, sample_words


def test_few_trials_are_all_drawn():
    trials = [make_trial(n, 90.0) for n in range(MOST_LINES)]
    assert drawn(trials, {3}) == trials


def test_of_many_an_even_sample_is_drawn_beside_what_is_kept():
    trials = [make_trial(n, 90.0) for n in range(4 * MOST_LINES)]
    kept = {1, 2, 3, 999}
    numbers = [t.number for t in drawn(trials, kept)]
    assert len(numbers) == MOST_LINES and numbers == sorted(numbers)
    assert kept < set(numbers)
    assert {b - a for a, b in pairwise(numbers[4:-1])} <= {4, 5}


def test_what_is_kept_is_drawn_however_much_it_is():
    trials = [make_trial(n, 90.0) for n in range(2 * MOST_LINES)]
    assert drawn(trials, set(range(MOST_LINES + 1))) == trials[: MOST_LINES + 1]


def test_sample_words():
    assert sample_words(7, 7) == ""
    assert sample_words(7, 9) == " 7 of 9 trials are drawn."


def test_lines_share_a_trace_with_gaps():
    figure = go.Figure()
    add_lines(figure, "two", [Line(4, (1, 2), (9.0, 8.0)), Line(7, (1,), (5.0,))], mode="lines")
    (trace,) = figure.data
    assert list(trace.x) == [1, 2, None, 1, None]
    assert list(trace.y) == [9.0, 8.0, None, 5.0, None]
    assert list(trace.customdata) == [4, 4, None, 7, None]
    add_lines(figure, "none", [], mode="lines")
    assert len(figure.data) == 1
