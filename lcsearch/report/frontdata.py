"""What the front plot shows, as plain records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lcsearch.core import pareto
from lcsearch.core.records import Origin, RunRecord, TrialRecord
from lcsearch.report.points import Point, Size, front_line, points_of, retrained_points

_WINDOW_MARGIN = 0.08
_NARROWEST_WINDOW = 1.0


@dataclass(frozen=True, slots=True)
class FrontData:
    """Accuracy against one measure of size.

    Attributes:
        axis: The measure of size.
        front: The non-dominated complete trials, smallest first.
        complete: Every other complete trial of the search.
        stopped: Stopped trials, at their last accuracy.
        running: Running trials that have finished an epoch.
        untrained: (trial, size, state) of rejected and failed trials, which have no accuracy.
        uniform: The hand-picked models with one alpha everywhere, smallest first, backbone last.
        thinner: The hand-picked thinner backbones, smallest first, backbone last.
        baseline: The plain backbone, once it is complete.
        final: The non-dominated ones of the retrained models, by mean test accuracy.
        final_rest: The other retrained models.
        window: The accuracies that are shown at first; every trial is there after zooming out.
        below: How many points lie below the window.
    """

    axis: Size
    front: tuple[Point, ...]
    complete: tuple[Point, ...]
    stopped: tuple[Point, ...]
    running: tuple[Point, ...]
    untrained: tuple[tuple[int, int, str], ...]
    uniform: tuple[Point, ...]
    thinner: tuple[Point, ...]
    baseline: Point | None
    final: tuple[Point, ...]
    final_rest: tuple[Point, ...]
    window: tuple[float, float]
    below: int


def front_data(run: RunRecord, axis: Size) -> FrontData:
    """Sort a run's trials into what the front plot draws.

    Args:
        run: The run.
        axis: ``params`` or ``macs``.
    """
    front = front_line(run.trials, axis)
    uniform, thinner = curve(run, "uniform", axis), curve(run, "thinner", axis)
    baseline = points_of([run.baseline])[0] if run.baseline else None
    apart = {p.trial for p in (*front, *uniform, *thinner)} | ({baseline.trial} if baseline else set())
    complete = tuple(p for p in _in_state(run.trials, "complete") if p.trial not in apart)
    stopped, running = tuple(_in_state(run.trials, "pruned")), tuple(_in_state(run.trials, "running"))
    retrained = retrained_points(run)
    best = set(pareto.front([(p.accuracy, p.size(axis)) for p in retrained]))
    final = [p for i, p in enumerate(retrained) if i in best]
    window = _window([*front, *uniform, *thinner, *retrained])
    return FrontData(
        axis=axis,
        front=front,
        complete=complete,
        stopped=stopped,
        running=running,
        untrained=tuple(
            (t.number, t.params if axis == "params" else t.macs, t.state)
            for t in run.trials
            if t.state in ("rejected", "failed") and min(t.params, t.macs) > 0
        ),
        uniform=uniform,
        thinner=thinner,
        baseline=baseline,
        final=tuple(sorted(final, key=lambda p: p.size(axis))),
        final_rest=tuple(p for i, p in enumerate(retrained) if i not in best),
        window=window,
        below=sum(p.accuracy < window[0] for p in (*complete, *stopped, *running, *front)),
    )


def curve(run: RunRecord, origin: Origin, axis: Size) -> tuple[Point, ...]:
    """Return one hand-picked curve, smallest first; the backbone is its upper end.

    Args:
        run: The run.
        origin: ``uniform`` or ``thinner``.
        axis: What it is sorted by.

    Returns:
        Nothing where no such model is complete: the backbone alone is no curve.
    """
    members = [t for t in run.trials if t.origin == origin and t.state == "complete"]
    if not members:
        return ()
    points = points_of([*members, *([run.baseline] if run.baseline else [])])
    return tuple(sorted(points, key=lambda p: p.size(axis)))


def _in_state(trials: Iterable[TrialRecord], state: str) -> tuple[Point, ...]:
    return points_of([t for t in trials if t.state == state and t.duplicate_of is None])


def _window(points: list[Point]) -> tuple[float, float]:
    """The range of accuracies that matter: no lower than 10 points under the best of them."""
    if not points:
        return 0.0, 100.0
    highest = max(p.accuracy for p in points)
    lowest = max(min(p.accuracy for p in points), highest - 10)
    margin = _WINDOW_MARGIN * max(highest - lowest, _NARROWEST_WINDOW) + 0.1
    return lowest - margin, min(highest + margin, 100.5)
