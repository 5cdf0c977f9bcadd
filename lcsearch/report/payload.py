"""What the scripts of a page read, as JSON data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import plotly.graph_objects as go

from lcsearch.core.errors import InputError
from lcsearch.core.records import HAND_PICKED, RunRecord, TrialRecord
from lcsearch.report.commands import commands
from lcsearch.report.drawing import Drawing
from lcsearch.report.layer_table import TABLE_HEAD, detailed_trials, layer_rows, plain_layers
from lcsearch.report.style import theme
from lcsearch.report.words import trial_words
from lcsearch.runs.choose import choose, front_of

MOST_LAYER_ROWS = 30_000
"""Layers, summed over trials, whose numbers go into the page: about 25 bytes each."""


def payload(run: RunRecord, drawings: Iterable[Drawing], live: int | None) -> dict[str, Any]:
    """Return what the scripts of a run's page read.

    Args:
        run: The run.
        drawings: Its plots.
        live: Seconds after which the page loads itself again; None for a page that stays.
    """
    front = {t.number for t in front_of(run.trials)}
    chosen = _chosen(run)
    return {
        **plain_figures({d.name: d.figure for d in drawings if d.figure is not None}),
        "words": {str(t.number): list(trial_words(t)) for t in run.trials},
        "layers": _layers(run),
        "complete": [t.number for t in run.trials if t.state == "complete"],
        "weights": [t.number for t in run.trials if t.number in front or _by_hand(t)],
        "commands": [asdict(c) for c in commands(run.path)],
        "selected": None if chosen is None else chosen.number,
        "live": live,
    }


def plain_figures(figures: Mapping[str, go.Figure]) -> dict[str, Any]:
    """Return figures and both themes as JSON data; the page puts the theme into the figures."""
    plain = {name: json.loads(figure.to_json()) for name, figure in figures.items()}
    for figure in plain.values():
        figure["layout"].pop("template", None)
    return {"figures": plain, "themes": {"light": theme(dark=False), "dark": theme(dark=True)}}


def _chosen(run: RunRecord) -> TrialRecord | None:
    """The trial whose layers are shown first: the smallest within half a point, else the knee.

    Before there is a front it is the first trial that began to train.
    """
    if not front_of(run.trials):
        return next((t for t in run.trials if t.epochs), None)
    try:
        return choose(run.trials, run.baseline, max_drop=0.5).trial
    except InputError:
        return choose(run.trials, run.baseline, knee=True).trial


def _by_hand(trial: TrialRecord) -> bool:
    return trial.origin in HAND_PICKED and trial.state == "complete"


def _layers(run: RunRecord) -> dict[str, Any]:
    """Layer names and plain sizes once; per trial rows of (name's index, kept, cells of the choice)."""
    plain = plain_layers(run)
    names: dict[str, int] = {name: place for place, name in enumerate(plain)}
    rows = {
        str(trial.number): [
            [names.setdefault(row.name, len(names)), row.kept, *row.choice]
            for row in layer_rows(trial, plain)
        ]
        for trial in detailed_trials(run, MOST_LAYER_ROWS)
    }
    sizes = [plain[name].params if name in plain else None for name in names]
    return {"head": TABLE_HEAD, "names": list(names), "plain": sizes, "trials": rows}
