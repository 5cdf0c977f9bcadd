"""Early stopping with two objectives: whether a trial goes on past a rung.

Source: Multi-objective Asynchronous Successive Halving (arXiv 2106.12639), which ranks the trials
of a rung by non-dominated sorting and lets the best 1/factor of them go on. Where this differs:

- The parameter count is known exactly before the first step. So a trial is also stopped when a
  trial that is no larger is better by more than the noise of the validation set can explain, and
  when it is far below the baseline, however few trials have reached the rung.
- A trial on the rung's front always goes on, also where the front is wider than 1/factor.
- Ties in rank are broken by hypervolume contribution (the paper: epsilon-net, among others).
- A trial is stopped or goes on when it arrives at a rung and is never taken up again: no paused
  checkpoints, and a decision depends on nothing but the rung's records.
- Hand-picked trials are never stopped: every run shows what hand-picking would have given.

Everything here is a pure function of its arguments, and the order of the records does not matter:
the same records give the same decision, also after a restart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from lcsearch.core.pareto import Box, contribution, ranks
from lcsearch.core.records import Decision

Kind = Literal["pareto", "median", "none"]
KINDS: tuple[Kind, ...] = ("pareto", "median", "none")

# The widest that two equal models' accuracies differ in 95 of 100 cases, in standard deviations.
_NOISE_DEVIATIONS = 2.0


@dataclass(frozen=True, slots=True)
class StoppingSettings:
    """How trials are stopped early.

    Attributes:
        kind: ``pareto``, ``median`` (of accuracy alone), or ``none``.
        factor: Ratio between one rung and the next, and 1 / the share that goes on; at least 2.
        max_below_baseline: A trial more points than this below the baseline is stopped.
        median_startup: The median rule stops nothing before so many others have reached the rung.
    """

    kind: Kind = "pareto"
    factor: int = 3
    max_below_baseline: float = 10.0
    median_startup: int = 5

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A value is out of its range.
        """
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r} is none of {', '.join(KINDS)}")
        if self.factor < 2:
            raise ValueError(f"factor={self.factor} is below 2")
        if not self.max_below_baseline > 0:
            raise ValueError(f"max_below_baseline={self.max_below_baseline} is not above 0")


@dataclass(frozen=True, slots=True)
class RungRecord:
    """One trial at one rung.

    Attributes:
        number: The trial's number.
        params: Its parameters.
        accuracy: Its validation accuracy at the rung, in percent.
    """

    number: int
    params: int
    accuracy: float


def rungs(epochs: int, factor: int = 3) -> tuple[int, ...]:
    """Return the epochs at which trials are compared: 1, factor, factor² … strictly below ``epochs``.

    Args:
        epochs: Epochs of a whole trial.
        factor: Ratio between rungs, at least 2.
    """
    if factor < 2:
        raise ValueError(f"factor={factor} is below 2")
    found = []
    rung = 1
    while rung < epochs:
        found.append(rung)
        rung *= factor
    return tuple(found)


def noise_margin(accuracy: float, images: int) -> float:
    """Return the difference in points that noise explains: 2·√(2·a(1−a)/n), two standard deviations.

    Args:
        accuracy: The better trial's accuracy a, in percent.
        images: Validation images n.
    """
    share = min(max(accuracy / 100.0, 0.0), 1.0)
    return 100.0 * _NOISE_DEVIATIONS * math.sqrt(2.0 * share * (1.0 - share) / images)


def decide(
    trial: RungRecord,
    others: Iterable[RungRecord],
    *,
    rung: int,
    baseline: float | None,
    images: int,
    hand_picked: bool = False,
    settings: StoppingSettings | None = None,
) -> Decision:
    """Decide whether a trial goes on past a rung.

    Args:
        trial: The trial that has arrived.
        others: Every other trial that has reached the rung, whatever became of it, in any order.
        rung: The rung, in epochs.
        baseline: The baseline's accuracy at this rung, in percent; None where it is not known.
        images: Validation images.
        hand_picked: The trial shows what hand-picking gives: it always goes on.
        settings: The rule and its numbers; the defaults if None.

    Returns:
        The decision, the rule that made it and the numbers of the trials that were seen.
    """
    settings = settings or StoppingSettings()
    seen = sorted((other for other in others if other.number != trial.number), key=lambda r: r.number)
    if hand_picked:
        go_on, rule = True, "hand-picked trials always go on"
    elif settings.kind == "none":
        go_on, rule = True, "no early stopping"
    elif settings.kind == "median":
        go_on, rule = _by_median(trial, seen, settings)
    else:
        go_on, rule = _by_pareto(trial, seen, baseline, images, settings)
    return Decision(rung, go_on, rule, tuple(other.number for other in seen))


def _by_pareto(
    trial: RungRecord,
    seen: Sequence[RungRecord],
    baseline: float | None,
    images: int,
    settings: StoppingSettings,
) -> tuple[bool, str]:
    clear = [
        other
        for other in seen
        if other.params <= trial.params
        and other.accuracy - trial.accuracy > noise_margin(other.accuracy, images)
    ]
    if clear:
        best = max(clear, key=lambda other: (other.accuracy, -other.number))
        return False, f"trial {best.number} is no larger and clearly better"
    if baseline is not None and baseline - trial.accuracy > settings.max_below_baseline:
        return False, f"more than {settings.max_below_baseline:g} points below the baseline"
    together = sorted([*seen, trial], key=lambda record: record.number)
    rank = dict(zip((r.number for r in together), ranks([_point(r) for r in together]), strict=True))
    if rank[trial.number] == 0:
        return True, "on the front of the rung"
    place, best_places = _place(trial, together, rank), len(together) // settings.factor
    if place < best_places:
        return True, f"place {place + 1} of {len(together)}, among the best 1/{settings.factor}"
    return False, f"place {place + 1} of {len(together)}, not among the best 1/{settings.factor}"


def _place(trial: RungRecord, together: Sequence[RungRecord], rank: dict[int, int]) -> int:
    """Place in the rung from 0: by rank, then hypervolume contribution in the rank, then number."""
    peers = [record for record in together if rank[record.number] == rank[trial.number]]
    shares = contribution([_point(r) for r in peers], _box(together))
    ahead = sorted(range(len(peers)), key=lambda i: (-shares[i], peers[i].number))
    before = sum(rank[record.number] < rank[trial.number] for record in together)
    return before + [peers[i].number for i in ahead].index(trial.number)


def _box(together: Sequence[RungRecord]) -> Box:
    """The rung's own box, a tenth wider at the bad ends so that both ends of a front contribute."""
    accuracies = [record.accuracy for record in together]
    low, high = min(accuracies), max(accuracies)
    smallest = min(record.params for record in together)
    span = max(record.params for record in together) / smallest
    return Box(low - 0.1 * max(high - low, 1.0), high, smallest, smallest * max(span, 1.1) ** 1.1)


def _by_median(trial: RungRecord, seen: Sequence[RungRecord], settings: StoppingSettings) -> tuple[bool, str]:
    if len(seen) < settings.median_startup:
        return True, f"fewer than {settings.median_startup} others have reached the rung"
    middle = median(other.accuracy for other in seen)
    if trial.accuracy < middle:
        return False, f"below the median accuracy {middle:.2f} % of {len(seen)} others"
    return True, f"not below the median accuracy {middle:.2f} % of {len(seen)} others"


def _point(record: RungRecord) -> tuple[float, float]:
    return record.accuracy, float(record.params)
