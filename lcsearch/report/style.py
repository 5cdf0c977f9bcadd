"""Colours, markers and the look of plots. Colours are Okabe and Ito's, told apart by colour-blind eyes.

Every kind also has a marker shape and a line dash of its own. Only colours that stand out from white
and from near black are used, so one set serves both themes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
VERMILION, ORANGE, PURPLE, GREY = "#D55E00", "#E69F00", "#CC79A7", "#808890"

RUN_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY)
RUN_MARKERS = ("circle", "square", "triangle-up", "diamond", "pentagon", "cross", "hexagon")
RUN_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid")

STATE_COLOURS = {"complete": BLUE, "pruned": ORANGE, "failed": VERMILION, "running": GREEN, "rejected": GREY}
STATE_WORDS = {"pruned": "stopped early"}

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
COLOUR_SCALE = "Cividis"
_LONGEST_NAME = 24


@dataclass(frozen=True, slots=True)
class Look:
    """How one kind of trial is drawn."""

    name: str
    colour: str
    marker: str
    size: int = 9
    dash: str = "solid"


LOOKS = {
    "complete": Look("searched", SKY, "circle", 7),
    "stopped": Look("stopped early", GREY, "x-thin-open", 6),
    "running": Look("running", GREEN, "circle-open", 8),
    "front": Look("front", BLUE, "circle", 10),
    "uniform": Look("uniform alpha", VERMILION, "square", 9, "dash"),
    "thinner": Look("thinner net", GREEN, "triangle-up", 10, "dot"),
    "thinner cut": Look("thinner net, cut out", GREEN, "triangle-down", 10, "dashdot"),
    "uniform thinner": Look("thinner net, {} layers", VERMILION, "pentagon", 10, "longdashdot"),
    "baseline": Look("backbone", ORANGE, "star", 16),
    "final": Look("retrained front, tested", PURPLE, "diamond", 10, "longdash"),
    "final_rest": Look("retrained, tested", PURPLE, "diamond-open", 10),
    "untrained": Look("rejected or failed", GREY, "line-ns-open", 10),
}


def theme(dark: bool) -> dict[str, Any]:
    """Return a Plotly template's layout for one theme; backgrounds are left to the page."""
    ink, grid = ("#e4e7eb", "#363c45") if dark else ("#1c2128", "#e3e6ea")
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "tickcolor": grid,
        "automargin": True,
        "title": {"standoff": 8},
    }
    panel = "#21262d" if dark else "#ffffff"
    return {
        "font": {"family": FONT, "size": 13, "color": ink},
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": axis,
        "yaxis": axis,
        "hoverlabel": {
            "bgcolor": panel,
            "bordercolor": ink,
            "font": {"color": ink, "size": 12},
            "align": "left",
        },
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": ink},
        "colorway": list(RUN_COLOURS),
    }


def plotly_text(text: str) -> str:
    """Escape what Plotly would read as markup, for names that come from the user."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short_name(name: str) -> str:
    """Cut a long module name in the middle, which says least."""
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[: half - 1]}…{name[-half:]}"
