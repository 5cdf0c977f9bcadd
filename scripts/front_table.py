"""The table of ``bench_front.py``: a search and a sweep of thinner nets, side by side."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from front_runs import Front, completed, nets_for
from init_table import spread
from work_off import Line

from lcsearch.core.pareto import Box, box_of, hypervolume
from lcsearch.core.records import RIVALS

WITHIN = 1.0
"""Points below the backbone that a small model may be."""
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Side:
    """One side of a comparison with one seed: accuracies and parameters of its models, and what they cost."""

    points: Points
    epochs: int

    def smallest(self, least: float) -> float | None:
        """Parameters of the smallest model of an accuracy; None if there is none."""
        return min((params for accuracy, params in self.points if accuracy >= least), default=None)


def table(lines: Sequence[Line]) -> str:
    """Both sides of every front as Markdown; a seed counts once its sweep is finished."""
    lines = completed(lines)
    parts = [_part(lines, about) for about in _fronts(lines)]
    return "\n\n".join(part for part in parts if part) or "no search has its whole sweep yet"


def _fronts(lines: Sequence[Line]) -> list[Line]:
    """What searches were of, without their seeds."""
    names = [name for name in Front.__dataclass_fields__ if name != "seed"]
    found: list[Line] = []
    for line in lines:
        about = {name: line[name] for name in names}
        if about not in found:
            found.append(about)
    return found


def _part(lines: Sequence[Line], about: Line) -> str:
    own = [line for line in lines if all(line[name] == value for name, value in about.items())]
    pairs = [
        (search, sweep)
        for search in own
        if search["place"] is None and len(sweep := _sweep(own, search)) == nets_for(search)
    ]
    if not pairs:
        return ""
    searches = [search for search, _ in pairs]
    baseline = statistics.mean(search["backbone_accuracy"] for search in searches)
    params = searches[0]["backbone_params"]
    box = box_of(baseline, params, searches[0]["smallest_params"])
    sweeps = [_swept(*pair) for pair in pairs]
    rows = {
        "search": [_searched(search) for search in searches],
        "search without its hand-picked rivals": [_searched(search, RIVALS) for search in searches],
        "sweep of thinner nets": sweeps,
    }
    pixels = f"{about['image_size']} pixels{', from scratch' if about['init'] == 'scratch' else ''}"
    head = (
        f"**`{about['backbone']}`**, {about['dataset']}, {about['train_images']:,} training images of "
        f"{pixels}: {params:,} parameters, {baseline:.2f} % after {about['epochs']} epochs; smallest model "
        f"{searches[0]['smallest_params']:,}; {', '.join(sorted({line['device'] for line in own}))}"
    )
    return "\n".join(
        [
            head,
            "",
            f"| | epochs | models | hypervolume, % | of the sweep's | least | within {WITHIN:g} point |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *(_row(name, sides, sweeps, box, baseline - WITHIN) for name, sides in rows.items()),
        ]
    )


def _sweep(lines: Sequence[Line], search: Line) -> list[Line]:
    return [
        line
        for line in lines
        if line["place"] is not None and (line["seed"], line["nets"]) == (search["seed"], nets_for(search))
    ]


def _searched(search: Line, without: Collection[str] = ()) -> Side:
    """What a search found, and the epochs that it spent on what is not left out."""
    trials = [trial for trial in search["trials_done"] if trial["origin"] not in without]
    points = [(trial["accuracy"], trial["params"]) for trial in trials if trial["state"] == "complete"]
    return Side(points, sum(trial["epochs"] for trial in trials))


def _swept(search: Line, sweep: Sequence[Line]) -> Side:
    """What a sweep found, the backbone included."""
    backbone = (search["backbone_accuracy"], search["backbone_params"])
    epochs = search["epochs"] + sum(len(line["accuracy"]) for line in sweep)
    return Side([backbone, *((line["accuracy"][-1], line["params"]) for line in sweep)], epochs)


def _row(name: str, sides: Sequence[Side], sweeps: Sequence[Side], box: Box, least: float) -> str:
    volumes = [hypervolume(side.points, box) for side in sides]
    others = [hypervolume(side.points, box) for side in sweeps]
    shares = [own / other for own, other in zip(volumes, others, strict=True) if other]
    small = [side.smallest(least) for side in sides]
    cells = [
        f"{statistics.mean(side.epochs for side in sides):.0f}",
        f"{statistics.mean(len(side.points) for side in sides):.0f}",
        spread([100 * volume for volume in volumes]),
        spread(shares),
        f"{min(shares):.2f}" if shares else "",
        _sizes(small),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def _sizes(found: Sequence[float | None]) -> str:
    """Mean and deviation of sizes, and how often there was none."""
    sizes = [size for size in found if size is not None]
    if not sizes:
        return "none"
    mean = f"{statistics.mean(sizes):,.0f}"
    deviation = f" ± {statistics.stdev(sizes):,.0f}" if len(sizes) > 1 else ""
    missing = f" (none with {len(found) - len(sizes)})" if len(sizes) < len(found) else ""
    return f"{mean}{deviation}{missing}"
