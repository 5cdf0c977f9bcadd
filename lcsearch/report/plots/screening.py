"""The candidates that were looked at before one of several was trained: size, and accuracy before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from lcsearch.core.metric import metric_words
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.text import counted
from lcsearch.report.axes import size_layout, window_of
from lcsearch.report.plot import Plot
from lcsearch.report.style import BLUE, GREY, SKY


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that was cut out and judged before any training.

    Attributes:
        trial: The trial that it was a candidate for.
        params: Numbers that it must store.
        accuracy: In percent of training images that nothing was fitted to.
        images: How many of them judged it.
        chosen: Whether it was trained.
    """

    trial: int
    params: int
    accuracy: float
    images: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every candidate of a run.

    Attributes:
        models: The candidates by trial.
        epochs: What all looks of the run cost, in epochs.
        metric: What people call an accuracy.
    """

    models: tuple[Candidate, ...]
    epochs: float
    metric: str


def candidates(run: RunRecord) -> Candidates | None:
    """Return the candidates that were looked at; None where none were."""
    found = [
        Candidate(trial.number, one.params, one.accuracy, one.images, place == _chosen(trial))
        for trial in run.trials
        if trial.screened is not None
        for place, one in enumerate(trial.screened.looked)
    ]
    if not found:
        return None
    return Candidates(tuple(found), run.screening_epochs, metric_words(run.metric))


def candidates_figure(data: Candidates) -> go.Figure:
    """Draw accuracy before training against size; those that were left on few images are pale."""
    most = max(one.images for one in data.models)
    kinds = (
        ("left behind", GREY, "circle-open", [o for o in data.models if not o.chosen and o.images < most]),
        ("seen on all images", SKY, "circle", [o for o in data.models if not o.chosen and o.images >= most]),
        ("trained", BLUE, "diamond", [o for o in data.models if o.chosen]),
    )
    figure = go.Figure([_points(name, colour, symbol, own) for name, colour, symbol, own in kinds if own])
    window = window_of(one.accuracy for one in data.models)
    figure.update_layout(size_layout("params", window, f"{data.metric} before training"))
    figure.update_xaxes(dtick=None)  # they may be so much alike that none of 1, 2 and 5 lies between them
    return figure


def _chosen(trial: TrialRecord) -> int | None:
    """The place of the candidate that was trained among those that were looked at; None from scratch."""
    assert trial.screened is not None
    accuracy, looked = trial.screened.accuracy, trial.screened.looked
    alike = [p for p, one in enumerate(looked) if (one.params, one.accuracy) == (trial.params, accuracy)]
    return alike[0] if alike else None


def _points(name: str, colour: str, symbol: str, own: Sequence[Candidate]) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=[one.params for one in own],
        y=[round(one.accuracy, 3) for one in own],
        customdata=[one.trial for one in own],
        hovertext=[f"for trial {one.trial}: {one.accuracy:.1f} % of {one.images} images" for one in own],
        hoverinfo="text",
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 8},
    )


def _words(data: Candidates) -> str:
    trained = sum(one.chosen for one in data.models)
    return (
        f"{counted(len(data.models), 'candidate')} cut out and judged before any training, by training "
        f"images that nothing was fitted to; {trained} of them trained. All looks together cost as much as "
        f"{data.epochs:.1f} epochs."
    )


PLOT = Plot(
    "Candidates before training",
    candidates,
    candidates_figure,
    _words,
    missing="No candidates were looked at: the setting screen was off, or nothing was chosen by it yet.",
    beside="front",
    button="candidates",
)
