"""The front: every trial's accuracy against its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import plotly.graph_objects as go

from lcsearch.core import pareto
from lcsearch.core.metric import metric_words
from lcsearch.core.records import RIVALS, Origin, RunRecord, TrialRecord
from lcsearch.core.text import format_count
from lcsearch.report.axes import size_layout, window_of
from lcsearch.report.kinds import thinner_family
from lcsearch.report.plot import METRIC, Plot
from lcsearch.report.points import Point, Size, front_line, points_of, retrained_points
from lcsearch.report.style import LOOKS, Look


@dataclass(frozen=True, slots=True)
class Front:
    """Accuracy against one measure of size.

    Attributes:
        size: The measure of size.
        front: The non-dominated complete trials, smallest first.
        complete: Every other complete trial of the search.
        stopped: Stopped trials, at their last accuracy.
        running: Running trials that have finished an epoch.
        untrained: (trial, size, state) of rejected and failed trials, which have no accuracy.
        uniform: The hand-picked models with one alpha everywhere, smallest first, backbone last.
        thinner: The hand-picked thinner nets from scratch, smallest first, backbone last.
        thinner_cut: Likewise those that were cut out of the backbone.
        uniform_thinner: Likewise those from scratch whose layers are of one family.
        family: Which that is.
        baseline: The plain backbone, once it is complete.
        final: The non-dominated ones of the retrained models, by mean test accuracy.
        final_rest: The other retrained models.
        window: The accuracies that are shown at first; every trial is there after zooming out.
        below: How many points lie below the window.
        metric: What people call an accuracy.
    """

    size: Size
    front: tuple[Point, ...]
    complete: tuple[Point, ...]
    stopped: tuple[Point, ...]
    running: tuple[Point, ...]
    untrained: tuple[tuple[int, int, str], ...]
    uniform: tuple[Point, ...]
    thinner: tuple[Point, ...]
    thinner_cut: tuple[Point, ...]
    uniform_thinner: tuple[Point, ...]
    family: str
    baseline: Point | None
    final: tuple[Point, ...]
    final_rest: tuple[Point, ...]
    window: tuple[float, float]
    below: int
    metric: str = "accuracy"


def front(run: RunRecord, size: Size) -> Front:
    """Sort a run's trials into what the front plot draws.

    Args:
        run: The run.
        size: ``params``, ``macs`` or ``trainable``.
    """
    best = front_line(run.trials, size)
    uniform, thinner, thinner_cut, uniform_thinner = (_hand_picked(run, origin, size) for origin in RIVALS)
    by_hand = (*uniform, *thinner, *thinner_cut, *uniform_thinner)
    baseline = points_of([run.baseline])[0] if run.baseline else None
    apart = {p.trial for p in (*best, *by_hand)} | ({baseline.trial} if baseline else set())
    complete = tuple(p for p in _in_state(run.trials, "complete") if p.trial not in apart)
    stopped, running = _in_state(run.trials, "pruned"), _in_state(run.trials, "running")
    retrained = retrained_points(run)
    kept = set(pareto.front([(p.accuracy, p.size(size)) for p in retrained]))
    final = [p for i, p in enumerate(retrained) if i in kept]
    window = window_of(p.accuracy for p in (*best, *by_hand, *retrained))
    return Front(
        size=size,
        front=best,
        complete=complete,
        stopped=stopped,
        running=running,
        untrained=_untrained(run.trials, size),
        uniform=uniform,
        thinner=thinner,
        thinner_cut=thinner_cut,
        uniform_thinner=uniform_thinner,
        family=thinner_family(run),
        baseline=baseline,
        final=tuple(sorted(final, key=lambda p: p.size(size))),
        final_rest=tuple(p for i, p in enumerate(retrained) if i not in kept),
        window=window,
        below=sum(p.accuracy < window[0] for p in (*complete, *stopped, *running, *best)),
        metric=metric_words(run.metric),
    )


def _hand_picked(run: RunRecord, origin: Origin, size: Size) -> tuple[Point, ...]:
    """One hand-picked curve, smallest first; the backbone is its upper end, but alone it is no curve.

    A model that has trained on is there once, as it is better.
    """
    members = [t for t in run.trials if t.origin == origin and t.state == "complete"]
    if not members:
        return ()
    points = points_of([*_once(members), *([run.baseline] if run.baseline else [])])
    return tuple(sorted(points, key=lambda p: p.size(size)))


def _once(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trials without the worse one of each two that are one model, before and after it trained on."""
    best: dict[int | None, TrialRecord] = {}
    for trial in trials:
        model = trial.parent if trial.continues else trial.number
        best[model] = max(best.get(model, trial), trial, key=lambda t: t.accuracy or 0.0)
    return list(best.values())


def _in_state(trials: Iterable[TrialRecord], state: str) -> tuple[Point, ...]:
    return points_of([t for t in trials if t.state == state and t.duplicate_of is None])


def _untrained(trials: Iterable[TrialRecord], size: Size) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        (t.number, getattr(t, size), t.state)
        for t in trials
        if t.state in ("rejected", "failed") and min(t.params, t.macs) > 0
    )


def front_figure(data: Front) -> go.Figure:
    """Draw accuracy against size. Every point carries its trial's number as ``customdata``."""
    figure = go.Figure(layout=size_layout(data.size, data.window, data.metric))
    _add(figure, "stopped", data.stopped, data.size, "markers", opacity=0.55)
    _add(figure, "complete", data.complete, data.size, "markers", opacity=0.75)
    _add(figure, "running", data.running, data.size, "markers")
    _add(figure, "uniform", data.uniform, data.size, "lines+markers")
    _add(figure, "thinner", data.thinner, data.size, "lines+markers")
    _add(figure, "thinner cut", data.thinner_cut, data.size, "lines+markers")
    _add(figure, "uniform thinner", data.uniform_thinner, data.size, "lines+markers", family=data.family)
    _add(figure, "front", data.front, data.size, "lines+markers")
    _add(figure, "baseline", [data.baseline] if data.baseline else [], data.size, "markers")
    words = [_tested(p, data.metric) for p in data.final], [_tested(p, data.metric) for p in data.final_rest]
    _add(figure, "final", data.final, data.size, "lines+markers", hovertext=words[0])
    _add(figure, "final_rest", data.final_rest, data.size, "markers", hovertext=words[1])
    if data.untrained:
        figure.add_trace(_ticks(data.untrained))
        figure.update_layout(
            yaxis={"domain": [0.07, 1]},
            yaxis2={"domain": [0, 0.04], "range": [-1, 1], "visible": False, "fixedrange": True},
            xaxis={"anchor": "free", "position": 0},
        )
    return figure


def _add(
    figure: go.Figure,
    kind: str,
    points: Sequence[Point],
    size: Size,
    mode: str,
    *,
    opacity: float | None = None,
    hovertext: Sequence[str] | None = None,
    family: str = "",
) -> None:
    if not points:
        return
    look = LOOKS[kind]
    errors = [p.error or 0.0 for p in points]
    figure.add_trace(
        go.Scatter(
            name=look.name.format(family),
            meta=kind,
            x=[p.size(size) for p in points],
            y=[round(p.accuracy, 4) for p in points],
            customdata=[p.trial for p in points],
            mode=mode,
            hoverinfo="text",
            hovertext=hovertext,
            opacity=opacity,
            marker={"color": look.colour, "symbol": look.marker, "size": look.size, "line": _edge(look)},
            line={"color": look.colour, "dash": look.dash, "width": 2} if "lines" in mode else None,
            error_y={"array": errors, "thickness": 1.5, "width": 4} if any(errors) else None,
        )
    )


def _tested(point: Point, metric: str) -> str:
    spread = "" if point.error is None else f" ± {point.error:.2f}"
    kind = "on from its compressed weights" if point.init == "compressed" else "from scratch"
    return (
        f"trial {point.trial}, retrained {kind}<br>test {metric} {point.accuracy:.2f}{spread} %"
        f"<br>{format_count(point.params)} parameters"
    )


def _edge(look: Look) -> dict[str, Any]:
    """A thin edge keeps overlapping markers apart; open markers are nothing but edge."""
    return {"width": 1.5} if look.marker.endswith("open") else {"width": 1, "color": "rgba(20,24,30,0.65)"}


def _ticks(untrained: Sequence[tuple[int, int, str]]) -> go.Scatter:
    """What has no accuracy, as ticks under the plot."""
    look = LOOKS["untrained"]
    return go.Scatter(
        name=look.name,
        meta="untrained",
        x=[size for _, size, _ in untrained],
        y=[0] * len(untrained),
        yaxis="y2",
        customdata=[trial for trial, _, _ in untrained],
        mode="markers",
        hoverinfo="text",
        marker={"color": look.colour, "symbol": look.marker, "size": look.size, "line": {"width": 1.5}},
    )


def _words(data: Front) -> str:
    words = "Every dot is a trial; up and left is better. Click one to see its layers."
    if not data.below:
        return words
    lies = "lies" if data.below == 1 else "lie"
    return f"{words} {data.below} {lies} below what is shown: double-click to see all."


PLOT = Plot(
    f"{METRIC} against size", partial(front, size="params"), front_figure, _words, button="parameters"
)
