"""How hypervolume grew, and whether more search is likely to help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go

from lcsearch.core import pareto
from lcsearch.core.records import RunRecord
from lcsearch.core.text import counted
from lcsearch.report.plot import Plot
from lcsearch.report.style import BLUE
from lcsearch.report.times import Busy, end_of

FEWEST_FOR_ADVICE = 10
RECENT = 20
"""The advice counts how many of so many searched trials still improved the front."""

_MOST_MARKED = 60


@dataclass(frozen=True, slots=True)
class Growth:
    """Hypervolume after each trial that ended, complete or not.

    Attributes:
        epochs: Epochs trained until then, by all trials together, and what screening for them cost.
        seconds: Seconds until then in which at least one trial was running.
        hypervolume: Share of the box, 0 to 1.
        searched: Whether the sampler proposed the trial.
    """

    epochs: tuple[float, ...]
    seconds: tuple[float, ...]
    hypervolume: tuple[float, ...]
    searched: tuple[bool, ...]


def growth(run: RunRecord) -> Growth | None:
    """Return how hypervolume grew; None before the backbone is complete."""
    baseline = run.baseline
    if baseline is None or baseline.accuracy is None:
        return None
    box = pareto.box_of(baseline.accuracy, baseline.params, run.smallest_params)
    busy = Busy(run.trials)
    front: list[tuple[float, float]] = []
    epochs, volume, steps = 0.0, 0.0, []
    for trial in sorted((t for t in run.trials if t.epochs), key=end_of):
        epochs += len(trial.epochs) + run.screened_for(trial)
        if trial.state == "running":
            continue
        if trial.state == "complete" and trial.accuracy is not None:
            front, grown = _add(front, (trial.accuracy, float(trial.params)))
            volume = pareto.hypervolume(front, box) if grown else volume
        searched = trial.origin == "sampler" and not trial.continues
        steps.append((epochs, busy.until(end_of(trial)), volume, searched))
    return Growth(*zip(*steps, strict=True)) if steps else None


def _add(
    front: list[tuple[float, float]], point: tuple[float, float]
) -> tuple[list[tuple[float, float]], bool]:
    if any(a >= point[0] and p <= point[1] for a, p in front):
        return front, False
    both = [*front, point]
    return [both[i] for i in pareto.front(both)], True


def advice(data: Growth) -> str:
    """Say whether more search is likely to help, from how often recent trials still moved the front."""
    steps = zip(pairwise(data.hypervolume), data.searched[1:], strict=True)
    changes = [after - before for (before, after), searched in steps if searched]
    if len(changes) < FEWEST_FOR_ADVICE:
        has = "has" if len(changes) == 1 else "have"
        ended = counted(len(changes), "searched trial")
        return f"Only {ended} {has} ended: too early to tell whether more would help."
    recent = changes[-RECENT:]
    moved, gain, volume = sum(change > 0 for change in recent), sum(recent), data.hypervolume[-1]
    fact = (
        f"Of the last {len(recent)} searched trials {moved} improved the front; they raised hypervolume by "
        f"{100 * gain:.1f} points to {100 * volume:.1f} % of the box"
    )
    share = gain / volume if volume else 0.0
    if not moved or share < 0.002:
        return f"{fact}: more search is unlikely to help much."
    if share < 0.02:
        return f"{fact}: more search is likely to help a little."
    return f"{fact}: more search is likely to help."


def growth_figure(data: Growth, x: Sequence[float], effort: str) -> go.Figure:
    """Draw hypervolume against what was spent on it.

    Args:
        data: How it grew.
        x: What was spent until each step.
        effort: What that is, in words.
    """
    figure = go.Figure(
        go.Scatter(
            name="hypervolume",
            x=list(x),
            y=[round(100 * v, 3) for v in data.hypervolume],
            mode="lines+markers" if len(x) <= _MOST_MARKED else "lines",
            line={"shape": "hv", "color": BLUE, "width": 2},
            marker={"size": 5},
            hovertemplate="%{y:.1f} % after %{x}<extra></extra>",
        )
    )
    figure.update_layout(
        xaxis={"title": {"text": effort}, "rangemode": "tozero"},
        yaxis={"title": {"text": "hypervolume, % of the box"}, "rangemode": "tozero"},
    )
    return figure


def _figure(data: Growth) -> go.Figure:
    return growth_figure(data, data.epochs, "epochs trained, all trials together")


PLOT = Plot(
    "Would more search help?",
    growth,
    _figure,
    advice,
    missing="The backbone has not finished, so there is no box to measure.",
    button="epochs",
)
