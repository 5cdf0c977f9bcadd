"""A small plot of characters: accuracy against log(parameters), for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lcsearch.core.records import TrialRecord
from lcsearch.core.text import format_count
from lcsearch.runs.choose import front_of

WIDTH, HEIGHT = 60, 12
_DEEPEST = 10.0
_MARKS = {
    "complete": "·",
    "thinner": "t",
    "thinner cut": "c",
    "uniform thinner": "n",
    "uniform": "u",
    "front": "o",
    "baseline": "B",
}
"""What stands for what, in the order of drawing: later marks cover earlier ones."""

_LEGEND = {
    "front": "front",
    "complete": "searched",
    "uniform": "uniform",
    "thinner": "thinner",
    "thinner cut": "thinner, cut out",
    "uniform thinner": "thinner, one family",
    "baseline": "backbone",
}
_ASCII = str.maketrans({"·": ".", "│": "|", "┤": "|", "└": "+", "─": "-", "┴": "+"})


def text_plot(
    trials: Sequence[TrialRecord],
    width: int = WIDTH,
    height: int = HEIGHT,
    *,
    ascii_only: bool = False,
    metric: str = "accuracy",
) -> str:
    """Draw the complete trials of a run, without colours.

    Accuracies more than 10 points under the best are left out; where trials share a place, the backbone
    covers the front, and the front the others.

    Args:
        trials: Every trial of a run.
        width: Columns of the plot itself; labels take 8 more on the left.
        height: Rows of the plot itself; axis and legend take 3 more.
        ascii_only: Use no character beyond ASCII.
        metric: What people call an accuracy of the run; another word than that stands above the plot.

    Returns:
        The plot; empty with fewer than two complete trials.
    """
    points = _points(trials)
    if len(points) < 2:
        return ""
    top = max(accuracy for _, accuracy, _ in points)
    points = [p for p in points if p[1] >= top - _DEEPEST]
    sizes, heights = _span([math.log(p[0]) for p in points]), _span([p[1] for p in points])
    grid = [[" "] * width for _ in range(height)]
    for params, accuracy, kind in sorted(points, key=lambda p: list(_MARKS).index(p[2])):
        column = round((math.log(params) - sizes[0]) / (sizes[1] - sizes[0]) * (width - 1))
        row = round((heights[1] - accuracy) / (heights[1] - heights[0]) * (height - 1))
        grid[row][column] = _MARKS[kind]
    lines = [f"{_label(heights, row, height)}{''.join(cells)}".rstrip() for row, cells in enumerate(grid)]
    lines += [_axis(width), _ticks(sizes, width), _legend({kind for *_, kind in points})]
    drawn = "\n".join(lines if metric == "accuracy" else [f"{metric} against parameters", *lines])
    return drawn.translate(_ASCII) if ascii_only else drawn


def _points(trials: Sequence[TrialRecord]) -> list[tuple[int, float, str]]:
    front = {t.number for t in front_of(trials)}
    found = []
    for trial in trials:
        if trial.state != "complete" or trial.accuracy is None or trial.duplicate_of is not None:
            continue
        hand = trial.origin if trial.origin in _MARKS else None
        kind = hand or ("front" if trial.number in front else "complete")
        found.append((trial.params, trial.accuracy, str(kind)))
    return found


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _label(heights: tuple[float, float], row: int, height: int) -> str:
    """The accuracy of the top, the middle and the bottom row."""
    if row not in (0, height // 2, height - 1):
        return " " * 7 + "│"
    value = heights[1] - (heights[1] - heights[0]) * row / (height - 1)
    return f"{value:5.1f} %┤"


def _axis(width: int) -> str:
    line = ["─"] * width
    for column in _tick_columns(width):
        line[column] = "┴"
    return " " * 7 + "└" + "".join(line)


def _tick_columns(width: int) -> list[int]:
    return [0, (width - 1) // 2, width - 1]


def _ticks(sizes: tuple[float, float], width: int) -> str:
    """Parameters under three ticks, the first and the last kept within the plot."""
    line = [" "] * (8 + width)
    for column in _tick_columns(width):
        words = format_count(math.exp(sizes[0] + (sizes[1] - sizes[0]) * column / (width - 1)))
        start = 8 + min(max(column - len(words) // 2, 0), width - len(words))
        line[start : start + len(words)] = words
    return "".join(line).rstrip()


def _legend(kinds: set[str]) -> str:
    words = "  ".join(f"{_MARKS[kind]} {name}" for kind, name in _LEGEND.items() if kind in kinds)
    return f"        {words}"
