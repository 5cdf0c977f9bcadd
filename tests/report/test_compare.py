from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hand_made import make_run, make_trial

from lcsearch.core.errors import InputError
from lcsearch.report.compare import compare_figure, render_comparison, run_lines


def test_lines():
    first = replace(
        make_run(make_trial(0, 93.0, 9000, "baseline"), make_trial(1, 92.0, 900)), path=Path("x/run")
    )
    second = replace(make_run(make_trial(0, 90.0, 500)), path=Path("y/run"))
    lines = run_lines([first, second])
    assert [line.name for line in lines] == ["x/run", "y/run"]
    assert [p.trial for p in lines[0].front] == [1, 0]
    assert lines[1].hypervolume is None
    assert [t.name for t in compare_figure(lines, "params").data] == ["x/run", "x/run: backbone", "y/run"]


def test_it_says_when_a_comparison_is_unfair():
    run = make_run(make_trial(0, 93.0, 9000, "baseline"))
    other = replace(run, settings={"settings": {"backbone": "net", "dataset": "mnist"}}, path=Path("b"))
    assert "different data sets" in render_comparison([run, other])
    same = replace(run, path=Path("b"))
    assert "up and left is better" in render_comparison([run, same])


def test_bad_input():
    run = make_run(make_trial(0, 93.0))
    with pytest.raises(InputError, match="at least two"):
        run_lines([run])
    with pytest.raises(InputError, match="no trial is complete yet"):
        run_lines([run, make_run(make_trial(0, None, state="failed"))])


def test_names_are_escaped():
    run = make_run(make_trial(0, 93.0))
    page = render_comparison([replace(run, path=Path("<b>a")), replace(run, path=Path("c"))])
    assert "<b>a" not in page
