"""The tables and the plot of ``bench_families.py``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from init_table import spread
from work_off import Line

from lcsearch.core.pareto import Box, box_of, hypervolume

NAMES = {
    "thinner": "thinner net",
    "linear": "LinearConv",
    "basis, fitted": "basis, its bank fitted",
    "basis, random": "basis, its bank random",
    "basis, trained": "basis, its bank trained",
    "shared": "shared by stage",
    "separable": "thinner, separable",
}
"""What the table calls each net."""
KINDS = {"cut": "cut out", "scratch": "from scratch"}
COLOURS = {
    "thinner": "#333333",
    "linear": "#0072b2",
    "basis, fitted": "#009e73",
    "basis, random": "#66c2a5",
    "basis, trained": "#b2df8a",
    "shared": "#cc79a7",
    "separable": "#e69f00",
}
SEARCHES = {
    "of its own space": "",
    "with basis": "conv,linear,separable,basis",
    "with shared": "conv,linear,separable,shared",
    "with basis and shared": "conv,linear,separable,basis,shared",
    "without separable": "conv,linear",
}
"""What the table calls the families of a search."""
PARTS = (1 / 4, 1 / 2, 1)
"""Of the epochs that every search has spent."""


def searches_of(lines: Sequence[Line]) -> list[Line]:
    """Lines of whole searches."""
    return [line for line in lines if "trials_done" in line]


def trainings_of(lines: Sequence[Line]) -> list[Line]:
    """Lines of single nets."""
    return [line for line in lines if "trials_done" not in line]


def table(lines: Sequence[Line]) -> str:
    """Single nets, then searches, by backbone, as Markdown; an empty cell has not been measured."""
    parts = []
    for backbone in dict.fromkeys(line["backbone"] for line in lines):
        own = [line for line in lines if line["backbone"] == backbone]
        parts += [_nets(backbone, trainings_of(own)), _searches(backbone, searches_of(own))]
    return "\n\n".join(part for part in parts if part)


def _nets(backbone: str, lines: Sequence[Line]) -> str:
    plain = [line for line in lines if line["kind"] == "backbone"]
    sizes = _sizes(lines)
    if not sizes:
        return ""
    reached = spread([line["accuracy"][-1] for line in plain])
    heads = [f"{size}, {kind}" for size in sizes for kind in KINDS.values()]
    rows = [
        f"**`{backbone}`**: {plain[0]['params']:,} parameters, {reached} % after "
        f"{len(plain[0]['accuracy'])} epochs",
        "",
        "| net | " + " | ".join(heads) + " |",
        "|---|" + "---|" * len(heads),
    ]
    for shape, name in NAMES.items():
        cells = [spread(_reached(lines, shape, size, kind)) for size in sizes for kind in KINDS]
        if any(cells):
            rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _reached(lines: Sequence[Line], shape: str, size: str, kind: str) -> list[float]:
    what = (shape, size, kind)
    return [line["accuracy"][-1] for line in lines if (line["shape"], line["size"], line["kind"]) == what]


def _sizes(lines: Sequence[Line]) -> list[str]:
    """From the largest."""
    return sorted({line["size"] for line in lines if line["kind"] != "backbone"}, key=lambda s: -Fraction(s))


def _searches(backbone: str, lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    baseline = statistics.mean(line["backbone_accuracy"] for line in lines)
    smallest = min(line["smallest_params"] for line in lines)
    box = box_of(baseline, lines[0]["backbone_params"], smallest)
    epochs = [min(line["epochs_spent"] for line in lines) * part for part in PARTS]
    rows = [
        f"**`{backbone}`**, searches: hypervolume in %, of one box",
        "",
        "| families | " + " | ".join(f"{one:.0f} epochs" for one in epochs) + " | models of the front with |",
        "|---|" + "---:|" * len(epochs) + "---|",
    ]
    for name, kinds in SEARCHES.items():
        own = [line for line in lines if line["kinds"] == kinds]
        if own:
            cells = [spread([100 * hypervolume(_points(line, one), box) for line in own]) for one in epochs]
            rows.append(f"| {name} | " + " | ".join(cells) + f" | {_front_families(own, box)} |")
    return "\n".join(rows)


def _points(search: Line, epochs: float) -> list[tuple[float, float]]:
    """Accuracies and parameters of what a search has finished after so many epochs."""
    found, spent = [], 0
    for trial in search["trials_done"]:
        spent += trial["epochs"]
        if spent <= epochs and trial["state"] == "complete":
            found.append((trial["accuracy"], trial["params"]))
    return found


def _front_families(searches: Sequence[Line], box: Box) -> str:
    """How many models that add to the hypervolume have layers of each family, in the mean of the seeds."""
    counts: dict[str, int] = {}
    for search in searches:
        trials = [trial for trial in search["trials_done"] if trial["state"] == "complete"]
        points = [(trial["accuracy"], trial["params"]) for trial in trials]
        for place, trial in enumerate(trials):
            others = points[:place] + points[place + 1 :]
            if hypervolume(points, box) > hypervolume(others, box):
                layers = trial["spec"].get("layers", {}).values()
                for family in {layer["family"] for layer in layers} or {"conv"}:
                    counts[family] = counts.get(family, 0) + 1
    return ", ".join(f"{family} {count / len(searches):.1f}" for family, count in sorted(counts.items()))


def write_plot(lines: Sequence[Line], path: Path) -> None:
    """Accuracy by parameters, a panel for each backbone; dotted from scratch."""
    from plotly.subplots import make_subplots

    own = [line for line in trainings_of(lines) if line["kind"] != "backbone"]
    backbones = list(dict.fromkeys(line["backbone"] for line in own))
    figure = make_subplots(1, len(backbones), subplot_titles=backbones, horizontal_spacing=0.06)
    for column, backbone in enumerate(backbones, 1):
        for shape in NAMES:
            for kind in KINDS:
                _draw(figure, [line for line in own if line["backbone"] == backbone], shape, kind, column)
    figure.update_xaxes(title="parameters", type="log")
    figure.update_yaxes(title="validation accuracy, %", col=1)
    figure.update_layout(template="plotly_white", width=200 + 500 * len(backbones), height=520)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".html":
        figure.write_html(path, include_plotlyjs=True)
    else:
        figure.write_image(path, scale=1.5)


def _draw(figure: Any, lines: Sequence[Line], shape: str, kind: str, column: int) -> None:
    """One net at all sizes: means, and standard deviations where there are several seeds."""
    import plotly.graph_objects as go

    sizes = [size for size in _sizes(lines) if _reached(lines, shape, size, kind)]
    if not sizes:
        return
    reached = [_reached(lines, shape, size, kind) for size in sizes]
    params = [
        next(line["params"] for line in lines if (line["shape"], line["size"]) == (shape, size))
        for size in sizes
    ]
    name = f"{NAMES[shape]}, {KINDS[kind]}"
    line = go.Scatter(
        x=params,
        y=[statistics.mean(values) for values in reached],
        error_y={"type": "data", "array": [statistics.stdev(v) if len(v) > 1 else 0.0 for v in reached]},
        name=name,
        legendgroup=name,
        showlegend=column == 1 or all(trace.name != name for trace in figure.data),
        line={"color": COLOURS[shape], "dash": "dot" if kind == "scratch" else "solid"},
    )
    figure.add_trace(line, 1, column)
