"""Early stopping with two objectives: accuracy against parameters.

Source: Multi-objective Asynchronous Successive Halving (arXiv 2106.12639), which ranks the trials
of a rung by non-dominated sorting and lets the best 1/factor of them go on. Where this differs:

- The parameter count is known exactly before the first step. So a trial is also stopped when a
  trial that is no larger is better by more than the noise of the validation set can explain, and
  when it is far below the baseline, however few trials have reached the rung.
- A trial on the rung's front always goes on, also where the front is wider than 1/factor.
- Ties in rank are broken by hypervolume contribution (the paper: epsilon-net, among others).
- A trial is stopped or goes on when it arrives at a rung and is never taken up again: no paused
  checkpoints, and a decision depends on nothing but the rung's records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lcsearch.core.pareto import Box, contribution, ranks
from lcsearch.core.records import RungRecord
from lcsearch.search.stopping import Arrival

MAX_BELOW_BASELINE = 10.0
"""A trial more points than this below the baseline is stopped."""

# The widest that two equal models' accuracies differ in 95 of 100 cases, in standard deviations.
_NOISE_DEVIATIONS = 2.0


def noise_margin(accuracy: float, images: int) -> float:
    """Return the difference in points that noise explains: 2·√(2·a(1−a)/n), two standard deviations.

    Args:
        accuracy: The better trial's accuracy a, in percent.
        images: Validation images n, by another metric as many as `Arrival.images` says.
    """
    share = min(max(accuracy / 100.0, 0.0), 1.0)
    return 100.0 * _NOISE_DEVIATIONS * math.sqrt(2.0 * share * (1.0 - share) / images)


def among_the_best(arrival: Arrival) -> tuple[bool, str]:
    """Let a trial go on that is on its rung's front or among the best 1/factor of the rung."""
    trial = arrival.trial
    clear = [other for other in arrival.others if _clearly_better(other, trial, arrival.images)]
    if clear:
        best = max(clear, key=lambda other: (other.accuracy, -other.number))
        return False, f"trial {best.number} is no larger and clearly better"
    if arrival.baseline is not None and arrival.baseline - trial.accuracy > MAX_BELOW_BASELINE:
        return False, f"more than {MAX_BELOW_BASELINE:g} points below the baseline"
    together = sorted([*arrival.others, trial], key=lambda record: record.number)
    rank = dict(zip((r.number for r in together), ranks([_point(r) for r in together]), strict=True))
    if rank[trial.number] == 0:
        return True, "on the front of the rung"
    place, best_places = _place(trial, together, rank), len(together) // arrival.factor
    if place < best_places:
        return True, f"place {place + 1} of {len(together)}, among the best 1/{arrival.factor}"
    return False, f"place {place + 1} of {len(together)}, not among the best 1/{arrival.factor}"


def _clearly_better(other: RungRecord, trial: RungRecord, images: int) -> bool:
    return other.params <= trial.params and other.accuracy - trial.accuracy > noise_margin(
        other.accuracy, images
    )


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


def _point(record: RungRecord) -> tuple[float, float]:
    return record.accuracy, float(record.params)


STOPPING_RULE = among_the_best
