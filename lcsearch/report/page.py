"""One self-contained page: records in, HTML out. It asks nothing of any network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go

from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.report.commands import commands
from lcsearch.report.data import ReportData, chosen_trial, collect
from lcsearch.report.layerdata import detailed_trials, layer_rows, plain_sizes
from lcsearch.report.plots import figures
from lcsearch.report.sections import body
from lcsearch.report.style import theme

MOST_LAYER_ROWS = 30_000
"""Layers, summed over trials, whose numbers go into the page: about 25 bytes each."""

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)
"""Lets the page run what is inside it and keeps it from asking anything of a network."""


def render(run: RunRecord, live: int | None = None) -> str:
    """Return the report of a run as one HTML page.

    Args:
        run: The run.
        live: Seconds after which the page loads itself again; None for a page that stays.

    Raises:
        InputError: The run has nothing to show yet.
    """
    data = collect(run)
    made = figures(data)
    return document(data.title, body(run, data, set(made)), payload(run, data, made, live))


def document(title: str, content: str, data: Mapping[str, Any]) -> str:
    """Return a page with plotly.js, our style and script, and data for the script.

    Args:
        title: Plain text.
        content: HTML of the body.
        data: What page.js reads: at least ``figures`` and ``themes``.
    """
    from plotly.offline import get_plotlyjs

    # In a script element only "<" could end it; JSON may write it as an escape.
    encoded = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)} · lcsearch</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n"
        f'<body>\n{content}\n<script type="application/json" id="data">{encoded}</script>\n'
        f"<script>{get_plotlyjs()}</script>\n<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n"
    )


def payload(
    run: RunRecord, data: ReportData, made: Mapping[str, go.Figure], live: int | None
) -> dict[str, Any]:
    """Return what the page's script needs, as JSON data."""
    chosen = chosen_trial(run, data)
    front = {p.trial for p in data.by_params.front}
    return {
        **plain_figures(made),
        "words": {str(n): list(lines) for n, lines in data.words.items()},
        "layers": _layers(run),
        "complete": [t.number for t in run.trials if t.state == "complete"],
        "weights": [t.number for t in run.trials if t.number in front or _by_hand(t)],
        "commands": [asdict(c) for c in commands(run.path)],
        "selected": None if chosen is None else chosen.number,
        "live": live,
    }


def plain_figures(made: Mapping[str, go.Figure]) -> dict[str, Any]:
    """Return figures and both themes as JSON data; the page puts the theme into the figures."""
    plain = {name: json.loads(figure.to_json()) for name, figure in made.items()}
    for figure in plain.values():
        figure["layout"].pop("template", None)
    return {"figures": plain, "themes": {"light": theme(dark=False), "dark": theme(dark=True)}}


def _by_hand(trial: TrialRecord) -> bool:
    return trial.origin in ("baseline", "uniform", "thinner") and trial.state == "complete"


def _layers(run: RunRecord) -> dict[str, Any]:
    """Layer names and plain sizes once; per trial rows of (name's index, kept, alpha, coefficients)."""
    plain = plain_sizes(run)
    names: dict[str, int] = {name: place for place, name in enumerate(plain)}
    rows: dict[str, Sequence[Any]] = {}
    for trial in detailed_trials(run, MOST_LAYER_ROWS):
        rows[str(trial.number)] = [
            [names.setdefault(row.name, len(names)), row.kept, row.alpha, row.coefficients]
            for row in layer_rows(trial, plain)
        ]
    return {"names": list(names), "plain": [plain.get(name) for name in names], "trials": rows}


def _asset(name: str) -> str:
    return files("lcsearch.report").joinpath(name).read_text(encoding="utf-8")
