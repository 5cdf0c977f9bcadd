#!/usr/bin/env python
"""Guess the trials of recorded searches, each from those before it, by what the surrogate is told.

What: the guesses are the product's own (`lcsearch.search.samplers._fit`). Beside the spec they are told
nothing; whether a model was cut out or trains from scratch; that, and whether it was cut out of a parent; for
how many epochs it trains, where of stopped trials may count what they had reached, after as many; its
accuracy before training, which no trial has before it begins; or all of that. Each is a straight line whose
slope has the prior that the table names.

How: every trial that was trained to its end, from the fifth on, is guessed from the earlier ones as the
sampler sees them: stopped ones by their prediction, and none that trained on. Three numbers: the mean error
in points, the mean negative logarithm of the density of what came, with the noise of one training, and the
rank correlation within a search. The table has their means over searches, by backbone and start; then how the
second differs from its first line (below 0 is better), with its standard error over searches.

    python scripts/bench_surrogate.py RUN...                # of the sampler's trials
    python scripts/bench_surrogate.py --of all RUN...       # of what was planned, too
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from scipy.stats import spearmanr
from told import BEFORE, EPOCHS, PARENT, SIZE, SO_FAR, START, Known, Search, Told, Trial, opened

from lcsearch.search.samplers._fit import MOST, TRAINED_NOISE, inputs
from lcsearch.search.samplers.recombine import STARTUP

FEWEST = 3
"""Trials of a search that are guessed, at least."""
VARIANTS = {
    "the spec alone": Told(),
    "the start, 0 ± 0.3": replace(START, slopes=((0.0, 0.3),)),
    "the start, 0 ± 1": START,
    "the start, 0 ± 3": replace(START, slopes=((0.0, 3.0),)),
    "the start, also by size (0 ± 0.5)": START + SIZE,
    "the start, a parent apart (0 ± 0.5)": START + PARENT,
    "epochs (logarithm, 0 ± 0.5)": EPOCHS,
    "the start and epochs": START + EPOCHS,
    "the start, of stopped trials what they had reached, and epochs (2 ± 2)": START + SO_FAR,
    "accuracy before (logarithm of what is wrong, -1.2 ± 0.4) and the start": START + BEFORE,
    "all": START + PARENT + EPOCHS + BEFORE,
}


class Guessed(NamedTuple):
    """A trial that was guessed: its accuracy, the guess, and the guess's standard deviation."""

    accuracy: float
    guess: float
    spread: float


class Score(NamedTuple):
    """What guesses of one search are worth: as the script's docstring names them."""

    error: float
    surprise: float
    ranks: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directories")
    parser.add_argument("--of", choices=("sampler", "all"), default="sampler", help="whose trials")
    arguments = parser.parse_args()
    searches = [opened(path) for path in arguments.runs]
    for path, search in zip(arguments.runs, searches, strict=True):
        if len(search.trials) > MOST:
            parser.error(
                f"{path} has {len(search.trials)} trials; at most {MOST}, all of which a sampler sees"
            )
    print(table(searches, arguments.of == "all"))
    return 0


def guesses(search: Search, told: Told, every: bool) -> list[Guessed]:
    """Each trial from those before it."""
    known, found = Known(search.layout, told), list[Guessed]()
    for trial in search.trials:
        if _judged(trial, every) and len(known) >= STARTUP:
            _, surrogate = known.fitted()
            (guess,), (spread,) = surrogate.guess(inputs([trial.seen], told([trial])))
            found.append(Guessed(trial.record.accuracy or 0.0, guess, math.hypot(spread, TRAINED_NOISE)))
        known.add(trial)
    return found


def _judged(trial: Trial, every: bool) -> bool:
    record = trial.record
    trained = record.state == "complete" and record.duplicate_of is None
    return trained and (every or record.origin == "sampler")


def score(found: Sequence[Guessed]) -> Score:
    """What guesses are worth."""
    missed = [(one.accuracy - one.guess, one.spread) for one in found]
    surprise = [
        0.5 * (off / spread) ** 2 + math.log(spread * math.sqrt(2 * math.pi)) for off, spread in missed
    ]
    ranks = spearmanr([one.guess for one in found], [one.accuracy for one in found]).statistic
    return Score(statistics.mean(abs(off) for off, _ in missed), statistics.mean(surprise), float(ranks))


def table(searches: Sequence[Search], every: bool) -> str:
    """Variants against groups of searches, as Markdown; a search with too few trials to rank is left out."""
    groups: dict[str, list[Search]] = {}
    trials: dict[str, int] = {}
    for search in searches:
        count = sum(_judged(trial, every) for trial in search.trials[STARTUP:])
        if count >= FEWEST:
            groups.setdefault(search.group, []).append(search)
            trials[search.group] = trials.get(search.group, 0) + count
    scores = {
        name: [[score(guesses(one, told, every)) for one in own] for own in groups.values()]
        for name, told in VARIANTS.items()
    }
    head = [f"{group}: {len(own)} searches, {trials[group]} trials" for group, own in groups.items()]
    first = next(iter(scores.values()))
    rows = [[name, *map(_cell, own)] for name, own in scores.items()]
    changes = [[name, *map(_change, own, first)] for name, own in list(scores.items())[1:]]
    return "\n\n".join(_markdown(head, lines) for lines in (rows, changes))


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [["told", *head], ["---"] * (len(head) + 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(scores: Sequence[Score]) -> str:
    return " / ".join(f"{statistics.mean(column):.2f}" for column in zip(*scores, strict=True))


def _change(scores: Sequence[Score], first: Sequence[Score]) -> str:
    """By how much the surprise differs."""
    return change([own.surprise - other.surprise for own, other in zip(scores, first, strict=True)], 3)


def change(found: Sequence[float], digits: int) -> str:
    """The mean of differences and its standard error."""
    error = statistics.stdev(found) / math.sqrt(len(found)) if len(found) > 1 else math.nan
    return f"{statistics.mean(found):+.{digits}f} ± {error:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
