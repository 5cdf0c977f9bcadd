"""Parallel coordinates: each trial a line across the choices that matter most, its size and accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go

from lcsearch.core.metric import metric_words
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.text import format_count
from lcsearch.report.layer_table import plain_sizes
from lcsearch.report.lines import Line, add_lines, drawn, sample_words
from lcsearch.report.plot import METRIC, Plot
from lcsearch.report.plots.importance import Importance, importance
from lcsearch.report.points import front_line
from lcsearch.report.style import BLUE, GREY, ORANGE, VERMILION, plotly_text, short_name

MOST_LAYERS = 8

_BANDS = (
    (0.0, GREY, "lower third"),
    (1 / 3, ORANGE, "middle third"),
    (2 / 3, BLUE, f"best third of {METRIC}"),
)
"""Shares of the trials, by accuracy, from which on a colour is used."""


@dataclass(frozen=True, slots=True)
class ParallelAxis:
    """One vertical axis.

    Attributes:
        name: What it shows.
        low: Words at its lower end.
        high: Words at its upper end.
    """

    name: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class ParallelLine:
    """One trial across all axes.

    Attributes:
        trial: Its number.
        accuracy: Percent.
        on_front: Whether it is on the front.
        heights: One value in 0..1 per axis.
    """

    trial: int
    accuracy: float
    on_front: bool
    heights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Parallel:
    """All axes and the lines drawn; ``of`` says how many trials could have been.

    ``metric`` is what people call an accuracy.
    """

    axes: tuple[ParallelAxis, ...]
    lines: tuple[ParallelLine, ...]
    of: int
    metric: str = "accuracy"


_Column = tuple[ParallelAxis, dict[int, float]]
"""An axis, and the height on it of each trial by number."""


def parallel(run: RunRecord) -> Parallel | None:
    """Return the parallel coordinates of the complete trials; None with fewer than two that differ.

    Of many trials the front is kept and of the rest an even sample by number. The layers that get an axis are
    those that matter most for accuracy; the largest ones where that is not known.
    """
    trials = run.complete
    if len(trials) < 2:
        return None
    metric = metric_words(run.metric)
    own = [_regularizer(trials), _size(trials), _accuracy(trials, metric)]
    found = [*_layer_columns(run, importance(run)), *own]
    columns = [column for column in found if column is not None]
    if not columns:
        return None
    front = {p.trial for p in front_line(run.trials, "params")}
    lines = [
        ParallelLine(
            t.number, t.accuracy or 0.0, t.number in front, tuple(heights[t.number] for _, heights in columns)
        )
        for t in drawn(trials, front)
    ]
    return Parallel(tuple(axis for axis, _ in columns), tuple(lines), len(trials), metric)


def _layer_columns(run: RunRecord, found: Importance | None) -> list[_Column | None]:
    """The kept share of the layers that matter most, in module order, on a log axis from 1/10,000 to 1."""
    plain = {name: size for name, size in plain_sizes(run).items() if size}
    if found is not None:
        weight = dict(zip(found.choices, found.accuracy, strict=True))
    else:
        weight = {name: float(size) for name, size in plain.items()}
    chosen = set(sorted((n for n in plain if n in weight), key=lambda n: -weight[n])[:MOST_LAYERS])
    counts = [{layer.name: layer.params for layer in t.layers} for t in run.complete]
    return [
        _column(
            name,
            run.complete,
            [math.log(max(count.get(name, 0) / size, 1e-4)) for count in counts],
            lambda v: f"{math.exp(v):.2g}",
        )
        for name, size in plain.items()
        if name in chosen
    ]


def _regularizer(trials: Sequence[TrialRecord]) -> _Column | None:
    """The regularizer weight on a log axis whose lower end is "off"."""
    weights = [t.spec.regularizer.weight for t in trials]
    positive = [math.log10(w) for w in weights if w > 0]
    if not positive:
        return None
    off = min(positive) - max(0.5, 0.1 * (max(positive) - min(positive)))
    values = [math.log10(w) if w > 0 else off for w in weights]
    return _column("regularizer", trials, values, lambda v: "off" if v == off else f"{10**v:.0e}")


def _size(trials: Sequence[TrialRecord]) -> _Column | None:
    values = [math.log(t.params) for t in trials]
    return _column("parameters", trials, values, lambda v: format_count(math.exp(v)))


def _accuracy(trials: Sequence[TrialRecord], metric: str) -> _Column | None:
    """Accuracy from 10 points under the best on; what lies lower is drawn at the lower end."""
    values = [t.accuracy or 0.0 for t in trials]
    floor = max(values) - 10
    values = [max(v, floor) for v in values]
    return _column(metric, trials, values, lambda v: f"{'≤ ' if v == floor else ''}{v:.1f} %")


def _column(
    name: str, trials: Sequence[TrialRecord], values: Sequence[float], words: Callable[[float], str]
) -> _Column | None:
    """Spread values over 0..1; None where they are all equal."""
    low, high = min(values), max(values)
    if low == high:
        return None
    heights = {t.number: round((v - low) / (high - low), 4) for t, v in zip(trials, values, strict=True)}
    return ParallelAxis(name, words(low), words(high)), heights


def parallel_figure(data: Parallel) -> go.Figure:
    """Draw each trial as a line across the axes, in three bands of accuracy and the front."""
    figure = go.Figure()
    for members, (_, colour, name) in zip(_bands(data.lines), _BANDS, strict=True):
        _add(figure, name.replace(METRIC, data.metric), members, colour, 1, 0.45)
    _add(figure, "front", [x for x in data.lines if x.on_front], VERMILION, 2.5, 1.0)
    for place, axis in enumerate(data.axes):
        _add_axis(figure, place, axis)
    figure.update_layout(
        xaxis={
            "tickvals": list(range(len(data.axes))),
            "ticktext": [plotly_text(short_name(axis.name)) for axis in data.axes],
            "range": [-0.4, len(data.axes) - 0.6],
            "showgrid": False,
            "zeroline": False,
            "tickangle": -35,
        },
        yaxis={"range": [-0.12, 1.12], "visible": False, "fixedrange": True},
        hovermode="closest",
        dragmode="select",
        height=420,
        margin={"l": 64, "t": 36},
    )
    return figure


def _bands(lines: Sequence[ParallelLine]) -> list[list[ParallelLine]]:
    """What is not on the front, by the bands that accuracies fall into."""
    accuracies = sorted(line.accuracy for line in lines)
    lowest = [accuracies[int(share * (len(accuracies) - 1))] for share, _, _ in _BANDS]
    rest = [line for line in lines if not line.on_front]
    return [
        [line for line in rest if low <= line.accuracy < high] for low, high in pairwise([*lowest, math.inf])
    ]


def _add(
    figure: go.Figure,
    name: str,
    lines: Sequence[ParallelLine],
    colour: str,
    thickness: float,
    opacity: float,
) -> None:
    add_lines(
        figure,
        name,
        [Line(line.trial, range(len(line.heights)), line.heights) for line in lines],
        mode="lines+markers",
        line={"color": colour, "width": thickness},
        marker={"size": 3, "color": colour},
        opacity=opacity,
    )


def _add_axis(figure: go.Figure, place: int, axis: ParallelAxis) -> None:
    figure.add_vline(place, line={"color": GREY, "width": 1}, layer="below")
    for height, words, anchor in ((0, axis.low, "top"), (1, axis.high, "bottom")):
        figure.add_annotation(
            x=place, y=height, text=plotly_text(words), yanchor=anchor, showarrow=False, font={"size": 11}
        )


def _words(data: Parallel) -> str:
    return (
        "Each line is a trial; layers show the share of parameters kept. "
        "With a mouse, drag over a stretch of an axis to pick out the trials that pass it; "
        f"double-click to end.{sample_words(len(data.lines), data.of)}"
    )


PLOT = Plot(
    "All choices at once",
    parallel,
    parallel_figure,
    _words,
    missing="It takes two complete trials that differ.",
)
