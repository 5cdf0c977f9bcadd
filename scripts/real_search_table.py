"""The table of ``bench_real_search.py``: how many epochs a search needs for what plain Optuna reaches."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from climbing import climb, needed, reached
from init_table import spread
from real_search_runs import PLAIN, Search
from work_off import Line

from lcsearch.core.pareto import Box, box_of

MARKS = (15, 30, 60, 100, 200, 300)
"""Epochs after which hypervolumes stand side by side."""
_APART = ("side", "seed", "trials")
"""What searches that are compared may differ in."""


def table(lines: Sequence[Line]) -> str:
    """Every side of every contest as Markdown."""
    names = [name for name in Search.__dataclass_fields__ if name not in _APART]
    contests: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        contests.setdefault(tuple(line[name] for name in names), []).append(line)
    return "\n\n".join(map(_part, contests.values())) or "no search is finished yet"


def curve(line: Line, box: Box) -> list[tuple[float, float]]:
    """Epochs spent and the hypervolume reached, after each trial."""
    return climb([(step["spent"], step["accuracy"], step["params"]) for step in line["steps"]], box)


def _part(lines: Sequence[Line]) -> str:
    """One contest, in the box of the mean accuracy of its backbones."""
    first, baselines = lines[0], [line["steps"][0] for line in lines]
    accuracy, params = statistics.mean(step["accuracy"] for step in baselines), baselines[0]["params"]
    box = box_of(accuracy, params, first["smallest_params"])
    goals = {line["seed"]: curve(line, box)[-1] for line in lines if line["side"] == PLAIN}
    sides = sorted({line["side"] for line in lines}, key=lambda side: (side != PLAIN, side))
    marks = " | ".join(f"{mark}" for mark in MARKS)
    head = (
        f"**`{first['backbone']}`**, {first['dataset']}, {first['train_images']:,} training images of "
        f"{first['image_size']} pixels: {params:,} parameters, {accuracy:.2f} % after "
        f"{first['epochs']} epochs"
    )
    rows = [_row(side, [line for line in lines if line["side"] == side], goals, box) for side in sides]
    columns = f"| | seeds | trials | epochs | hypervolume | epochs to plain Optuna's | share | {marks} |"
    return "\n".join([head, "", columns, "|---" * (7 + len(MARKS)) + "|", *rows])


def _row(side: str, lines: Sequence[Line], goals: dict[int, tuple[float, float]], box: Box) -> str:
    curves = {line["seed"]: curve(line, box) for line in lines}
    epochs = [needed(own, goals[seed][1]) for seed, own in curves.items() if seed in goals]
    shares = [needed(own, goals[seed][1]) / goals[seed][0] for seed, own in curves.items() if seed in goals]
    ends = [own[-1] for own in curves.values()]
    cells = [
        str(len(lines)),
        f"{statistics.mean(len(own) for own in curves.values()):.0f}",
        f"{statistics.mean(spent for spent, _ in ends):.1f}",
        spread([100 * volume for _, volume in ends]),
        _median(epochs, ".1f"),
        _median(shares, ".3f"),
        *(_at(list(curves.values()), mark) for mark in MARKS),
    ]
    return f"| {side} | " + " | ".join(cells) + " |"


def _median(values: Sequence[float], form: str) -> str:
    if not values:
        return ""
    median = statistics.median(values)
    return f"{median:{form}}" if math.isfinite(median) else "never"


def _at(curves: Sequence[Sequence[tuple[float, float]]], mark: float) -> str:
    """Mean hypervolume after so many epochs, in %; nothing where a search had ended before."""
    if any(own[-1][0] < mark for own in curves):
        return ""
    return f"{100 * statistics.mean(reached(own, mark) for own in curves):.1f}"
