"""Figures that stand alone, as in images and notebooks: with what the scripts of a page would give them."""

from __future__ import annotations

import plotly.graph_objects as go

from lcsearch.core.records import RunRecord
from lcsearch.report.style import plotly_text, theme
from lcsearch.report.words import trial_words


def themed(figure: go.Figure) -> go.Figure:
    """A copy of a figure with the light theme, on white, and with its legend."""
    drawn = go.Figure(figure)
    drawn.update_layout(template=go.layout.Template(layout=theme(dark=False)), paper_bgcolor="#ffffff")
    drawn.update_layout(showlegend=True, margin_r=24)
    return drawn


def with_hovers(figure: go.Figure, run: RunRecord) -> go.Figure:
    """Let a figure say what a trial of a run is where the mouse is over it; `Plot.figure` says of which."""
    words = {trial.number: "<br>".join(map(plotly_text, trial_words(trial))) for trial in run.trials}
    for trace in figure.data:
        if trace.hoverinfo == "text" and trace.hovertext is None and trace.customdata is not None:
            trace.hovertext = [words.get(number, "") for number in trace.customdata]
    return figure
