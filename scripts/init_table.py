"""The table and the plot of ``bench_init.py``."""

from __future__ import annotations

import statistics
from fractions import Fraction
from pathlib import Path
from typing import Any

from work_off import Line

EPOCHS = (0, 1, 3)
Arm = tuple[str, str, str, bool]
"""Kind, shape, choice of channels, whether it is distilled."""


def _with_and_without_teacher(names: dict[tuple[str, str, str], str]) -> dict[Arm, str]:
    return {
        (*arm, taught): f"{name}, distilled" if taught else name
        for arm, name in names.items()
        for taught in (True, False)
    }


OURS = _with_and_without_teacher(
    {
        ("cut", "guided", ""): "guided by sensitivity, cut out",
        ("scratch", "guided", ""): "guided by sensitivity, from scratch",
        ("cut", "guided separable", ""): "guided, separable layers alone, cut out",
        ("scratch", "guided separable", ""): "guided, separable layers alone, from scratch",
    }
)
RIVALS = _with_and_without_teacher(
    {
        ("cut", "thinner", ""): "thinner net, cut out",
        ("scratch", "thinner", ""): "thinner net, from scratch",
        ("cut", "thinner", "magnitude"): "thinner net, cut out by magnitude",
        ("cut", "thinner", "magnitude_solved"): "thinner net, by magnitude and solved again",
        ("cut", "separable", ""): "thinner and separable, cut out",
        ("scratch", "separable", ""): "thinner and separable, from scratch",
        ("cut", "pruned", ""): "pruned by magnitude",
        ("cut", "fastnas", ""): "pruned by FastNAS",
        ("cut", "alpha", ""): "alphas alone, guided, cut out",
        ("scratch", "alpha", ""): "alphas alone, guided, from scratch",
    }
)
"""What the table calls each arm, in its order."""
SHORT = 0.1
"""Points below the best rival from which the table says that ours is worse."""
COLOURS = {
    ("cut", "guided"): "#0072b2",
    ("scratch", "guided"): "#56b4e9",
    ("cut", "guided separable"): "#e69f00",
    ("scratch", "guided separable"): "#f0c866",
    ("cut", "thinner"): "#009e73",
    ("scratch", "thinner"): "#66c2a5",
    ("cut", "separable"): "#cc79a7",
    ("scratch", "separable"): "#e6b3cf",
    ("cut", "pruned"): "#d55e00",
    ("cut", "fastnas"): "#f0e442",
    ("cut", "alpha"): "#333333",
    ("scratch", "alpha"): "#888888",
}


def arm_of(line: Line) -> Arm:
    return line["kind"], line["shape"], line["how"], line["distill"] > 0


def _of(arm: Arm, records: list[Line]) -> list[Line]:
    """The lines of an arm: what was cut out and not trained is the start of it with a teacher and without."""
    return [
        line
        for line in records
        if arm_of(line)[:3] == arm[:3] and (arm_of(line) == arm or (arm[0] == "cut" and not line["epochs"]))
    ]


def _trained(arm: Arm, records: list[Line]) -> bool:
    """Whether an arm has more than what was only cut out."""
    return any(arm_of(line) == arm and (arm[0] == "scratch" or line["epochs"]) for line in records)


def table(records: list[Line]) -> str:
    """Validation accuracy by backbone, size and arm, as Markdown; an empty cell has not been measured."""
    rows = []
    for backbone, image_size in _backbones(records):
        own = [r for r in records if (r["backbone"], r["image_size"]) == (backbone, image_size)]
        plain = [r for r in own if r["kind"] == "backbone"]
        rows += [f"**`{backbone}`**, {image_size} pixels: {_about(plain)}", ""]
        for size in _sizes(own):
            rows += [
                f"| {size} of the parameters | parameters | " + " | ".join(map(_column, EPOCHS)) + " |",
                "|---|---:|" + "---:|" * len(EPOCHS),
            ]
            rows += _rows([r for r in own if r["size"] == size])
            rows.append("")
    return "\n".join(rows)


def _rows(records: list[Line]) -> list[str]:
    """Ours, then rivals, then how far the best of ours is above the best of them."""
    rows = []
    for arm, name in (OURS | RIVALS).items():
        own = _of(arm, records)
        if _trained(arm, records):
            params = round(statistics.mean(r["params"] for r in own))
            cells = [spread(_reached(own, epochs)) for epochs in EPOCHS]
            rows.append(f"| {name} | {params:,} | " + " | ".join(cells) + " |")
    lead = [_lead(records, epochs) for epochs in EPOCHS]
    return [*rows, "| **best of ours above the best rival** | | " + " | ".join(lead) + " |"]


def _lead(records: list[Line], epochs: int) -> str:
    """Difference of the best means after some epochs, of what was measured with the most seeds."""
    found = {
        arm: values
        for arm in OURS | RIVALS
        if _trained(arm, records) and (values := _reached(_of(arm, records), epochs))
    }
    most = max(map(len, found.values()), default=0)
    means = {arm: statistics.mean(values) for arm, values in found.items() if len(values) == most}
    ours = [mean for arm, mean in means.items() if arm in OURS]
    rivals = [mean for arm, mean in means.items() if arm in RIVALS]
    if not ours or not rivals:
        return ""
    lead = max(ours) - max(rivals)
    return f"{lead:+.2f}" if lead >= -SHORT else f"**{lead:+.2f}, below**"


def _reached(records: list[Line], epochs: int) -> list[float]:
    return [r["accuracy"][-1] for r in records if r["epochs"] == epochs]


def _sizes(records: list[Line]) -> list[str]:
    """From the largest."""
    return sorted({r["size"] for r in records if r["kind"] != "backbone"}, key=lambda size: -Fraction(size))


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
    """Accuracy after 0, 1 and 3 epochs of fine-tuning, a panel for each backbone and size.

    A panel shows what was reached by training; what was only cut out may lie below it.
    """
    nets, sizes = _backbones(records), _sizes(records)
    panels = {
        (row, column): [r for r in records if (r["backbone"], r["image_size"], r["size"]) == (*net, size)]
        for row, net in enumerate(nets, 1)
        for column, size in enumerate(sizes, 1)
    }
    titles = [
        f"{nets[row - 1][0]}, {sizes[column - 1]} of the parameters" if own else ""
        for (row, column), own in panels.items()
    ]
    figure = _grid(panels, titles, len(nets), len(sizes))
    for place, own in panels.items():
        if own:
            _fill(figure, own, *place)
    figure.update_xaxes(title="epochs of fine-tuning", tickvals=list(EPOCHS))
    figure.update_yaxes(title="validation accuracy, %")
    figure.update_layout(template="plotly_white", width=1100, height=420 * len(nets), legend_y=-0.15)
    figure.update_layout(legend_orientation="h")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".html":
        figure.write_html(path, include_plotlyjs=True)
    else:
        figure.write_image(path, scale=1.5)


def _grid(panels: dict[tuple[int, int], list[Line]], titles: list[str], rows: int, columns: int) -> Any:
    """A figure with a panel wherever there is something to show."""
    from plotly.subplots import make_subplots

    specs: list[list[dict[str, Any] | None]] = [
        [{} if panels[row, column] else None for column in range(1, columns + 1)]
        for row in range(1, rows + 1)
    ]
    shown = [title for title in titles if title]
    return make_subplots(rows, columns, specs=specs, subplot_titles=shown, horizontal_spacing=0.08)


def _fill(figure: Any, records: list[Line], row: int, column: int) -> None:
    """Draw all arms of a panel."""
    for arm, name in _drawn().items():
        _draw(figure, _of(arm, records), arm, name, row, column)
    trained = [line["accuracy"][-1] for line in records if line["epochs"]]
    figure.update_yaxes(range=[min(trained) - 0.3, max(trained) + 0.3], row=row, col=column)


def _drawn() -> dict[Arm, str]:
    """The arms of the plot: those that are distilled, or nobody would see anything."""
    return {
        arm: name.removesuffix(", distilled")
        for arm, name in (OURS | RIVALS).items()
        if arm[3] and not arm[2]
    }


def _draw(figure: Any, records: list[Line], arm: Arm, name: str, row: int, column: int) -> None:
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
