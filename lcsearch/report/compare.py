"""Several runs on one plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from lcsearch.core.errors import InputError
from lcsearch.core.metric import metric_words
from lcsearch.core.records import RunRecord
from lcsearch.core.text import format_count
from lcsearch.report.axes import size_layout, window_of
from lcsearch.report.fill import document
from lcsearch.report.heading import title
from lcsearch.report.payload import plain_figures
from lcsearch.report.places import places
from lcsearch.report.points import Point, Size, front_line, points_of, setting
from lcsearch.report.start import start_name
from lcsearch.report.style import RUN_COLOURS, RUN_DASHES, RUN_MARKERS, plotly_text
from lcsearch.report.words import trial_words
from lcsearch.runs.summary import run_hypervolume


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run in the comparison.

    Attributes:
        name: What tells it apart.
        title: Backbone and data set.
        front: Its front against parameters, smallest first.
        front_macs: Its front against multiply-accumulates, smallest first.
        baseline: Its backbone, once complete.
        hypervolume: 0 to 1; None before the backbone is complete.
        epochs: Epochs trained by all trials.
        start: Where models started, in a word.
        metric: What people call an accuracy of it.
        words: Trial number to hover lines, of the front and the backbone.
    """

    name: str
    title: str
    front: tuple[Point, ...]
    front_macs: tuple[Point, ...]
    baseline: Point | None
    hypervolume: float | None
    epochs: int
    words: dict[int, tuple[str, ...]]
    start: str
    metric: str


def run_lines(runs: Sequence[RunRecord]) -> tuple[RunLine, ...]:
    """Turn runs into what their comparison shows.

    Args:
        runs: At least two runs.

    Raises:
        InputError: There are fewer than two, or one has no complete trial.
    """
    if len(runs) < 2:
        raise InputError("compare: needs at least two run directories")
    names = _names(runs)
    return tuple(_line(run, name) for run, name in zip(runs, names, strict=True))


def compare_figure(lines: Sequence[RunLine], size: Size) -> go.Figure:
    """Draw the fronts of several runs, each in a colour, marker and dash of its own."""
    shown = [p for line in lines for p in (*line.front, *([line.baseline] if line.baseline else []))]
    metric = " or ".join(dict.fromkeys(line.metric for line in lines))
    figure = go.Figure(layout=size_layout(size, window_of(p.accuracy for p in shown), metric))
    for place, line in enumerate(lines):
        colour = RUN_COLOURS[place % len(RUN_COLOURS)]
        points = line.front if size == "params" else line.front_macs
        figure.add_trace(
            go.Scatter(
                name=plotly_text(line.name),
                x=[p.size(size) for p in points],
                y=[p.accuracy for p in points],
                hovertext=[_hover(line, p.trial) for p in points],
                hoverinfo="text",
                mode="lines+markers",
                line={"color": colour, "dash": RUN_DASHES[place % len(RUN_DASHES)], "width": 2},
                marker={"color": colour, "symbol": RUN_MARKERS[place % len(RUN_MARKERS)], "size": 9},
            )
        )
        if line.baseline:
            figure.add_trace(_star(line, line.baseline, size, colour))
    return figure


def render_comparison(runs: Sequence[RunRecord]) -> str:
    """Return the comparison as one HTML page.

    Raises:
        InputError: As `run_lines`.
    """
    lines = run_lines(runs)
    by_params, by_macs = compare_figure(lines, "params"), compare_figure(lines, "macs")
    return document(
        "compare.html",
        plain_figures({"compare": by_params, "compare-macs": by_macs}),
        title="Runs compared",
        remarks=list(dict.fromkeys(line.title for line in lines)),
        remark=_fairness(runs),
        figures=places([("compare", "parameters", by_params), ("compare-macs", "MACs", by_macs)]),
        head=["run", "init", "backbone", "best", "smallest", "hypervolume", "epochs"],
        rows=[_row(line) for line in lines],
    )


def _line(run: RunRecord, name: str) -> RunLine:
    front = front_line(run.trials, "params")
    if not front:
        raise InputError(f"{run.path}: no trial is complete yet, so there is nothing to compare")
    by_macs = front_line(run.trials, "macs")
    baseline = points_of([run.baseline])[0] if run.baseline else None
    shown = {p.trial for p in (*front, *by_macs)} | ({baseline.trial} if baseline else set())
    return RunLine(
        name,
        title(run),
        front,
        by_macs,
        baseline,
        run_hypervolume(run),
        sum(len(t.epochs) for t in run.trials),
        {t.number: trial_words(t) for t in run.trials if t.number in shown},
        start_name(run),
        metric_words(run.metric),
    )


def _names(runs: Sequence[RunRecord]) -> list[str]:
    """Folder names; whole paths where two are the same."""
    short = [run.path.name or str(run.path) for run in runs]
    return short if len(set(short)) == len(short) else [str(run.path) for run in runs]


def _hover(line: RunLine, trial: int) -> str:
    return "<br>".join(plotly_text(text) for text in (line.name, *line.words[trial]))


def _star(line: RunLine, baseline: Point, size: Size, colour: str) -> go.Scatter:
    return go.Scatter(
        name=plotly_text(f"{line.name}: backbone"),
        x=[baseline.size(size)],
        y=[baseline.accuracy],
        hovertext=[_hover(line, baseline.trial)],
        hoverinfo="text",
        mode="markers",
        marker={"color": colour, "symbol": "star", "size": 15, "line": {"width": 1, "color": "#1c2128"}},
    )


def _fairness(runs: Sequence[RunRecord]) -> str:
    """Say where a comparison would be unfair."""
    for name, what in (("dataset", "data sets"), ("validation_images", "validation sets")):
        if len({str(setting(run, name)) for run in runs}) > 1:
            return f"These runs use different {what}: their accuracies cannot be compared directly."
    metrics = dict.fromkeys(metric_words(run.metric) for run in runs)
    if len(metrics) > 1:
        return f"These runs are judged by different metrics ({', '.join(metrics)}), which cannot be compared."
    starts = list(dict.fromkeys(start_name(run) for run in runs))
    if len(starts) > 1:
        return (
            f"These runs start from different weights ({', '.join(starts)}): compare their epochs too. "
            "Those of a backbone that a run trained itself are counted; what given weights cost is not."
        )
    recipes: list[Any] = [setting(run, "recipe") for run in runs]
    epochs = {r.get("epochs") for r in recipes if isinstance(r, dict)}
    if len(epochs) > 1:
        return "These runs train for different numbers of epochs: part of the difference is training."
    return "Non-dominated trials of each run; up and left is better."


def _row(line: RunLine) -> list[str]:
    return [
        line.name,
        line.start,
        _point_words(line.baseline) if line.baseline else "–",
        _point_words(line.front[-1]),
        _point_words(line.front[0]),
        "–" if line.hypervolume is None else f"{100 * line.hypervolume:.1f} %",
        f"{line.epochs:,}",
    ]


def _point_words(point: Point) -> str:
    return f"{point.accuracy:.2f} % at {format_count(point.params)}"
