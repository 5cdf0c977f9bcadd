"""The table and the plot of ``bench_init.py``."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

Line = dict[str, Any]

EPOCHS = (0, 1, 3)
ARMS: dict[tuple[str, str, str, bool], str] = {
    ("cut", "guided", "responses", False): "cut out, guided by sensitivity",
    ("cut", "guided", "responses", True): "the same, distilled",
    ("cut", "guided", "filters", False): "the same, fitted to filters",
    ("cut", "uniform", "responses", False): "cut out, one alpha",
    ("cut", "uniform", "responses", True): "the same, distilled",
    ("cut", "uniform", "filters", False): "the same, fitted to filters",
    ("cut", "pruned", "", False): "pruned by magnitude",
    ("scratch", "guided", "", False): "guided shape from scratch",
    ("scratch", "uniform", "", False): "one alpha from scratch",
    ("scratch", "thinner", "", False): "thinner net from scratch",
}
"""Kind, shape, fit, whether distilled: what the table calls it, in its order."""
COLOURS = {
    ("cut", "guided"): "#0072b2",
    ("cut", "uniform"): "#56b4e9",
    ("cut", "pruned"): "#d55e00",
    ("scratch", "guided"): "#333333",
    ("scratch", "uniform"): "#888888",
    ("scratch", "thinner"): "#009e73",
}


def arm_of(line: Line) -> tuple[str, str, str, bool]:
    return line["kind"], line["shape"], line["how"], line["distill"] > 0


def table(records: list[Line]) -> str:
    """Validation accuracy by backbone, size and arm, as Markdown; an empty cell has not been measured."""
    rows = []
    for backbone, image_size in _backbones(records):
        own = [r for r in records if (r["backbone"], r["image_size"]) == (backbone, image_size)]
        plain = [r for r in own if r["kind"] == "backbone"]
        rows += [f"**`{backbone}`**, {image_size} pixels: {_about(plain)}", ""]
        for size in dict.fromkeys(r["size"] for r in own if r["size"] != "1"):
            rows += [
                f"| {size} of the parameters | parameters | " + " | ".join(map(_column, EPOCHS)) + " |",
                "|---|---:|" + "---:|" * len(EPOCHS),
            ]
            rows += _rows([r for r in own if r["size"] == size])
            rows.append("")
    return "\n".join(rows)


def _rows(records: list[Line]) -> list[str]:
    rows = []
    for arm, name in ARMS.items():
        own = [r for r in records if arm_of(r) == arm]
        if own:
            params = round(statistics.mean(r["params"] for r in own))
            cells = [spread([r["accuracy"][-1] for r in own if r["epochs"] == e]) for e in EPOCHS]
            rows.append(f"| {name} | {params:,} | " + " | ".join(cells) + " |")
    return rows


def spread(values: list[float]) -> str:
    """Mean and sample standard deviation, and the number of seeds where it is not three."""
    if not values:
        return ""
    mean = f"{statistics.mean(values):.2f}"
    if len(values) == 1:
        return f"{mean} (1 seed)"
    seeds = "" if len(values) == 3 else f" ({len(values)} seeds)"
    return f"{mean} ± {statistics.stdev(values):.2f}{seeds}"


def _column(epochs: int) -> str:
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"


def _about(plain: list[Line]) -> str:
    if not plain:
        return "backbone not trained yet"
    reached = spread([r["accuracy"][-1] for r in plain])
    return f"{plain[0]['params']:,} parameters, {reached} % after {len(plain[0]['accuracy'])} epochs"


def _backbones(records: list[Line]) -> list[tuple[str, int]]:
    return sorted({(r["backbone"], r["image_size"]) for r in records})


def write_plot(records: list[Line], path: Path) -> None:
    """Accuracy after 0, 1 and 3 epochs of fine-tuning, a panel for each backbone and size."""
    from plotly.subplots import make_subplots

    nets = _backbones(records)
    sizes = list(dict.fromkeys(r["size"] for r in records if r["size"] != "1"))
    titles = [f"{name}, {size} of the parameters" for name, _ in nets for size in sizes]
    figure = make_subplots(len(nets), len(sizes), subplot_titles=titles, horizontal_spacing=0.08)
    for row, net in enumerate(nets, 1):
        for column, size in enumerate(sizes, 1):
            own = [r for r in records if (r["backbone"], r["image_size"], r["size"]) == (*net, size)]
            for arm, name in _drawn().items():
                _draw(figure, [r for r in own if arm_of(r) == arm], arm, name, row, column)
    figure.update_xaxes(title="epochs of fine-tuning", tickvals=list(EPOCHS))
    figure.update_yaxes(title="validation accuracy, %")
    figure.update_layout(template="plotly_white", width=1100, height=420 * len(nets), legend_y=-0.15)
    figure.update_layout(legend_orientation="h")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".html":
        figure.write_html(path, include_plotlyjs=True)
    else:
        figure.write_image(path, scale=1.5)


def _drawn() -> dict[tuple[str, str, str, bool], str]:
    """The arms of the plot: neither distilled nor fitted to filters, or nobody would see anything."""
    return {arm: name for arm, name in ARMS.items() if arm[2] != "filters" and not arm[3]}


def _draw(
    figure: Any, records: list[Line], arm: tuple[str, str, str, bool], name: str, row: int, column: int
) -> None:
    import plotly.graph_objects as go

    by_epochs = {e: [r["accuracy"][-1] for r in records if r["epochs"] == e] for e in EPOCHS}
    shown = {e: values for e, values in by_epochs.items() if values}
    errors = [statistics.stdev(v) if len(v) > 1 else 0.0 for v in shown.values()]
    line = go.Scatter(
        x=list(shown),
        y=[statistics.mean(values) for values in shown.values()],
        error_y={"type": "data", "array": errors},
        name=name,
        legendgroup=name,
        showlegend=(row, column) == (1, 1),
        line={"color": COLOURS[arm[0], arm[1]], "dash": "dot" if arm[0] == "scratch" else "solid"},
    )
    figure.add_trace(line, row, column)
