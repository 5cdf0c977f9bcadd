"""Parallel coordinates: each trial a line across the choices that matter most, its size and accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.text import format_count
from lcsearch.report.importance import Importance
from lcsearch.report.layerdata import plain_sizes
from lcsearch.report.points import front_line

MOST_LAYERS = 8
MOST_LINES = 250
"""More lines than this cover each other."""

Words = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class ParallelAxis:
    """One vertical axis.

    Attributes:
        name: What it shows.
        low: Words at its lower end.
        high: Words at its upper end.
    """

    name: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class ParallelLine:
    """One trial across all axes.

    Attributes:
        trial: Its number.
        accuracy: Percent.
        on_front: Whether it is on the front.
        heights: One value in 0..1 per axis.
    """

    trial: int
    accuracy: float
    on_front: bool
    heights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Parallel:
    """All axes and the lines drawn; ``of`` says how many trials could have been."""

    axes: tuple[ParallelAxis, ...]
    lines: tuple[ParallelLine, ...]
    of: int


def parallel(run: RunRecord, importance: Importance | None) -> Parallel | None:
    """Return the parallel coordinates of the complete trials; None with fewer than two that differ.

    Of many trials the front is kept and of the rest an even sample by number.

    Args:
        run: The run.
        importance: Picks the layers that get an axis; without it the largest layers do.
    """
    trials = run.complete
    if len(trials) < 2:
        return None
    front = {p.trial for p in front_line(run.trials, "params")}
    found = [*_layer_columns(run, importance), _regularizer(trials), _size(trials), _accuracy(trials)]
    columns = [column for column in found if column is not None]
    if not columns:
        return None
    drawn = _sample(trials, front)
    return Parallel(
        tuple(axis for axis, _ in columns),
        tuple(
            ParallelLine(
                trials[i].number,
                trials[i].accuracy or 0.0,
                trials[i].number in front,
                tuple(h[i] for _, h in columns),
            )
            for i in drawn
        ),
        len(trials),
    )


def _sample(trials: Sequence[TrialRecord], front: set[int]) -> list[int]:
    rest = [i for i, t in enumerate(trials) if t.number not in front]
    room = max(0, MOST_LINES - len(front))
    if len(rest) > room:
        rest = [rest[k * len(rest) // room] for k in range(room)]
    return sorted([*rest, *(i for i, t in enumerate(trials) if t.number in front)])


_Column = tuple[ParallelAxis, list[float]]


def _layer_columns(run: RunRecord, importance: Importance | None) -> list[_Column]:
    """The kept share of the layers that matter most, in module order, on a log axis from 1/100 to 1."""
    plain = {name: size for name, size in plain_sizes(run).items() if size}
    if importance is not None:
        weight = dict(zip(importance.choices, importance.accuracy, strict=True))
    else:
        weight = {name: float(size) for name, size in plain.items()}
    chosen = set(sorted((n for n in plain if n in weight), key=lambda n: -weight[n])[:MOST_LAYERS])
    columns = []
    for name, size in plain.items():
        if name in chosen:
            kept = [{layer.name: layer.params for layer in t.layers}.get(name, 0) for t in run.complete]
            shares = [math.log(max(k / size, 1e-4)) for k in kept]
            columns.append(_scaled(name, shares, lambda v: f"{math.exp(v):.2g}"))
    return [c for c in columns if c is not None]


def _regularizer(trials: Sequence[TrialRecord]) -> _Column | None:
    """The regularizer weight on a log axis whose lower end is "off"."""
    weights = [t.spec.regularizer.weight for t in trials]
    positive = [math.log10(w) for w in weights if w > 0]
    if not positive:
        return None
    off = min(positive) - max(0.5, 0.1 * (max(positive) - min(positive)))
    values = [math.log10(w) if w > 0 else off for w in weights]
    return _scaled("regularizer", values, lambda v: "off" if v == off else f"{10**v:.0e}")


def _size(trials: Sequence[TrialRecord]) -> _Column | None:
    return _scaled("parameters", [math.log(t.params) for t in trials], lambda v: format_count(math.exp(v)))


def _accuracy(trials: Sequence[TrialRecord]) -> _Column | None:
    """Accuracy from 10 points under the best on; what lies lower is drawn at the lower end."""
    values = [t.accuracy or 0.0 for t in trials]
    floor = max(values) - 10
    return _scaled(
        "accuracy", [max(v, floor) for v in values], lambda v: f"{'≤ ' if v == floor else ''}{v:.1f} %"
    )


def _scaled(name: str, values: list[float], words: Words) -> _Column | None:
    """Spread values over 0..1; None where they are all equal."""
    low, high = min(values), max(values)
    if low == high:
        return None
    return ParallelAxis(name, words(low), words(high)), [round((v - low) / (high - low), 4) for v in values]
