"""Learning curves: accuracy after each epoch, and the rungs at which trials were compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from lcsearch.core.metric import metric_words
from lcsearch.core.records import RunRecord, State, TrialRecord
from lcsearch.report.lines import Line, add_lines, drawn, sample_words
from lcsearch.report.plot import Plot
from lcsearch.report.points import front_line
from lcsearch.report.style import BLUE, GREY, ORANGE, SKY, VERMILION

_MOST_EPOCH_TICKS = 12


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Accuracy after each epoch of one trial; epoch 0 is a model just cut out of a backbone."""

    trial: int
    state: State
    on_front: bool
    epochs: tuple[int, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LearningCurves:
    """Learning curves and the rungs at which trials were compared; ``of`` trials could have been drawn.

    ``metric`` is what people call an accuracy.
    """

    curves: tuple[LearningCurve, ...]
    rungs: tuple[int, ...]
    of: int
    metric: str = "accuracy"


def learning_curves(run: RunRecord) -> LearningCurves | None:
    """Return the learning curves; None before the first epoch.

    Of many trials the front and the hand-picked ones are kept, and of the rest an even sample.
    """
    trained = [t for t in run.trials if t.epochs]
    if not trained:
        return None
    front = {p.trial for p in front_line(run.trials, "params")}
    shown = drawn(trained, front | {t.number for t in trained if t.origin != "sampler"})
    rungs = sorted({d.rung for t in run.trials for d in t.decisions})
    curves = tuple(_curve(t, t.number in front) for t in shown)
    return LearningCurves(curves, tuple(rungs), len(trained), metric_words(run.metric))


def _curve(trial: TrialRecord, on_front: bool) -> LearningCurve:
    before = trial.accuracy_before
    steps = [] if before is None else [(0, before)]
    steps += [(done.epoch, done.accuracy) for done in trial.epochs]
    epochs, accuracies = zip(*steps, strict=True)
    return LearningCurve(trial.number, trial.state, on_front, epochs, accuracies)


def learning_figure(data: LearningCurves) -> go.Figure:
    """Draw accuracy after each epoch: one trace a kind, with gaps between trials; rungs as lines."""
    figure = go.Figure()
    rest = [c for c in data.curves if not c.on_front]
    stopped = [c for c in rest if c.state == "pruned"]
    unfinished = [c for c in rest if c.state in ("failed", "running")]
    _add(figure, "complete", [c for c in rest if c.state == "complete"], SKY, 1.0, 0.55)
    if any(len(c.epochs) > 1 for c in stopped):
        _add(figure, "stopped early", stopped, ORANGE, 1.0, 0.55)
    _add(figure, "failed or running", unfinished, GREY, 1.0, 0.7)
    _add(figure, "front", [c for c in data.curves if c.on_front], BLUE, 2.5, 1.0)
    if stopped:
        figure.add_trace(_stops(stopped))
    for rung in data.rungs:
        _add_rung(figure, rung)
    longest = max(c.epochs[-1] for c in data.curves)
    first = min(c.epochs[0] for c in data.curves)
    ticks = {"dtick": 1} if longest <= _MOST_EPOCH_TICKS else {}
    figure.update_layout(
        xaxis={"title": {"text": "epoch"}, "range": [first - 0.3, longest + 0.3], **ticks},
        yaxis={"title": {"text": f"{data.metric}, %"}, "range": _window(data.curves)},
        hovermode="closest",
    )
    return figure


def _add(
    figure: go.Figure,
    name: str,
    curves: Sequence[LearningCurve],
    colour: str,
    thickness: float,
    opacity: float,
) -> None:
    add_lines(
        figure,
        name,
        [Line(c.trial, c.epochs, [round(a, 3) for a in c.accuracies]) for c in curves],
        mode="lines" if any(len(c.epochs) > 1 for c in curves) else "markers",
        line={"color": colour, "width": thickness},
        marker={"color": colour},
        opacity=opacity,
    )


def _stops(curves: Sequence[LearningCurve]) -> go.Scatter:
    return go.Scatter(
        name="where it was stopped",
        x=[c.epochs[-1] for c in curves],
        y=[round(c.accuracies[-1], 3) for c in curves],
        customdata=[c.trial for c in curves],
        mode="markers",
        hoverinfo="text",
        marker={"symbol": "x", "size": 6, "color": VERMILION},
    )


def _add_rung(figure: go.Figure, rung: int) -> None:
    figure.add_vline(rung, line={"color": GREY, "dash": "dot", "width": 1})
    place: dict[str, Any] = {"x": rung, "y": 0, "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    figure.add_annotation(**place, showarrow=False, text=f"rung {rung}", font={"size": 11})


def _window(curves: Sequence[LearningCurve]) -> list[float]:
    """The accuracies that are shown at first: those of all but the worst tenth, and at most 30 points."""
    finals = sorted(c.accuracies[-1] for c in curves)
    top = max(max(c.accuracies) for c in curves)
    lowest = min(min(c.accuracies) for c in curves)
    low = max(finals[len(finals) // 10] - 6, lowest - 1, top - 30)
    return [round(min(low, top - 1), 2), round(top + 0.6, 2)]


def _words(data: LearningCurves) -> str:
    rungs = " and ".join(map(str, data.rungs))
    stops = f" Trials are compared after epoch {rungs}, and hopeless ones stopped." if data.rungs else ""
    cut = any(curve.epochs[0] == 0 for curve in data.curves)
    zero = " Epoch 0 is a model just cut out of the backbone." if cut else ""
    sample = sample_words(len(data.curves), data.of)
    return f"Validation {data.metric} after each epoch.{zero}{stops}{sample}"


PLOT = Plot("Learning curves", learning_curves, learning_figure, _words, missing="No epoch has finished yet.")
