#!/usr/bin/env python
"""Replay searches over what recorded runs have trained, by what the surrogate is told.

What: the trials of several runs of one backbone, from the same images and the same trained backbone, are a
pool: models that were cut out of the backbone or of a parent, for one epoch or more, and models from scratch.
A replayed search knows the backbone and eight of them that are drawn, and then takes from the pool what
promises the most hypervolume per epoch; it pays the epochs of what it takes. It guesses as the product does
(`lcsearch.search.samplers._fit`), and is told beside the specs what ``bench_surrogate.py`` names. What was
stopped is in the pool too: it costs what it was trained for, and says what stopped trials say.

How: the hypervolume, in the box of the run, after so many epochs, in % of what the whole pool has; means over
searches that begin with other models; behind it the difference from the first line and its standard error, of
searches that begin alike. Where accuracies before training are told, the looks at all models that are cut out
are paid before the first choice, by what a look at a candidate was measured to cost.

    python scripts/bench_told_replay.py RUN...
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from bench_surrogate import change
from climbing import climb, reached
from front_runs import recorded
from told import BEFORE, EPOCHS, PARENT, SO_FAR, START, Known, Search, Told, Trial, cut_out, opened

from lcsearch.core.improvement import expected_improvement
from lcsearch.core.pareto import Box, box_of, hypervolume
from lcsearch.search.samplers._fit import inputs

FIRST = 8
"""Models that a search begins with, beside the backbone."""
MARKS = (10, 20, 30, 45, 60)
"""Epochs after which hypervolumes stand side by side, those of the first models not counted."""
LOOK = 0.014
"""Epochs that a look at a candidate costs: docs/search.md, "What was measured"."""
VARIANTS = {
    "the spec alone": Told(),
    "the start": START,
    "the start, a parent apart": START + PARENT,
    "epochs": EPOCHS,
    "the start and epochs": START + EPOCHS,
    "the start; of stopped trials what they had reached, and epochs": START + SO_FAR,
    "the start and accuracy before": START + BEFORE,
    "all": START + PARENT + EPOCHS + BEFORE,
}


@dataclass(frozen=True)
class Pool:
    """What a replayed search takes from.

    Attributes:
        search: The trials, the backbone first, with the genes of their space.
        box: Of the hypervolume.
    """

    search: Search
    box: Box

    @property
    def whole(self) -> float:
        """Hypervolume of everything."""
        ended = [one.record for one in self.search.trials if one.record.state == "complete"]
        return hypervolume([(one.accuracy or 0.0, float(one.params)) for one in ended], self.box)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directories, any backbones")
    parser.add_argument("--searches", type=int, default=40, help="that begin with other models")
    arguments = parser.parse_args()
    groups: dict[tuple[object, ...], list[Path]] = {}
    for path in arguments.runs:
        groups.setdefault(_alike(path), []).append(path)
    for paths in groups.values():
        pool = pool_of(paths)
        replays = {
            name: [replay(pool, told, number) for number in range(arguments.searches)]
            for name, told in VARIANTS.items()
        }
        print(table(pool, replays), end="\n\n", flush=True)
    return 0


def _alike(path: Path) -> tuple[object, ...]:
    settings = recorded(path).settings
    return settings.backbone, settings.seed, settings.image_size, settings.train_images


def pool_of(paths: Sequence[Path]) -> Pool:
    """Everything that was trained in runs that began alike; the same training once."""
    searches = [opened(path) for path in paths]
    backbone = searches[0].trials[0]
    if any(one.trials[0].record.accuracy != backbone.record.accuracy for one in searches):
        sys.exit("the backbones of " + ", ".join(map(str, paths)) + " were not trained alike")
    found: dict[tuple[str, int], Trial] = {}
    for trial in (trial for one in searches for trial in one.trials):
        if trial.record.duplicate_of is None and not trial.record.continues:
            found.setdefault((trial.record.spec.fingerprint(), len(trial.record.epochs)), trial)
    facts = recorded(paths[0]).facts
    accuracy, params = backbone.record.accuracy or 0.0, backbone.record.params
    box = box_of(accuracy, params, facts.smallest_params)
    return Pool(replace(searches[0], trials=tuple(found.values())), box)


def replay(pool: Pool, told: Told, number: int) -> list[tuple[float, float]]:
    """Epochs spent and the hypervolume reached after each choice, from a drawn beginning on."""
    trials, box = pool.search.trials, pool.box
    rng = np.random.default_rng(number)
    first = [0, *(1 + rng.permutation(len(trials) - 1)[:FIRST])]
    known = Known(pool.search.layout, told)
    for index in first:
        known.add(trials[index])
    left = [trial for index, trial in enumerate(trials) if index not in first]
    spent = _looks(told, trials)
    steps = [(spent, trials[index].record.accuracy, trials[index].record.params) for index in first]
    while left and spent < MARKS[-1]:
        trial = left.pop(int(np.argmax(promises(known, left, told, box))))
        spent += len(trial.record.epochs)
        steps.append((spent, trial.record.accuracy, trial.record.params))
        known.add(trial)
    return climb(steps, box)[FIRST:]


def _looks(told: Told, trials: Sequence[Trial]) -> float:
    """Epochs that it takes to look at all that are cut out, where that is told."""
    if not any(hint in told.hints for hint in BEFORE.hints):
        return 0.0
    return LOOK * sum(map(cut_out, trials))


def promises(known: Known, left: Sequence[Trial], told: Told, box: Box) -> np.ndarray:
    """What each model that is left is expected to add, per epoch that it would train for."""
    trained, surrogate = known.fitted()
    mean, spread = surrogate.guess(inputs([one.seen for one in left], told(left)))
    sizes = [np.array([float(one.record.params) for one in own]) for own in (left, trained)]
    gain = expected_improvement(mean, spread, sizes[0], surrogate.fitted, sizes[1], box)
    return np.asarray(gain / [one.epochs for one in left])


def table(pool: Pool, replays: dict[str, list[list[tuple[float, float]]]]) -> str:
    """Variants against epochs, as Markdown."""
    trials = pool.search.trials
    cut, stopped = sum(map(cut_out, trials)), sum(one.record.state == "pruned" for one in trials)
    head = (
        f"{pool.search.group}: {len(trials)} trainings, {cut:.0f} of them of models that are cut out, "
        f"{stopped} stopped; all have {100 * pool.whole:.1f} % of the box"
    )
    columns = "| told | " + " | ".join(f"{mark}" for mark in MARKS) + " |"
    first = next(iter(replays.values()))
    rows = [_row(name, own, first, pool.whole) for name, own in replays.items()]
    return "\n".join([head, "", columns, "|---" * (1 + len(MARKS)) + "|", *rows])


def _row(
    name: str, own: list[list[tuple[float, float]]], first: list[list[tuple[float, float]]], whole: float
) -> str:
    cells = []
    for mark in MARKS:
        shares = [100 * reached(curve, mark) / whole for curve in own]
        apart = [mine - 100 * reached(curve, mark) / whole for mine, curve in zip(shares, first, strict=True)]
        cells.append(f"{statistics.mean(shares):.1f} ({change(apart, 1)})")
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
