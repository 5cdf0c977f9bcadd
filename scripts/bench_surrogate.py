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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from front_runs import bound_space, recorded
from scipy.stats import spearmanr

from lcsearch.core.records import TrialRecord
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.storage import read_storage, study_name
from lcsearch.runs.store import Proposal, Store
from lcsearch.search.limits import Limits
from lcsearch.search.sampler_view import SamplerView
from lcsearch.search.samplers._fit import MOST, TRAINED_NOISE, fit, inputs
from lcsearch.search.samplers._layout import Layout
from lcsearch.search.samplers._past import Past, Seen, recall
from lcsearch.search.samplers.recombine import STARTUP

Array = np.ndarray
FEWEST = 3
"""Trials of a search that are guessed, at least."""


class Trial(NamedTuple):
    """A trial.

    Attributes:
        record: As it is recorded.
        seen: As the sampler sees it.
        share: Its parameters, of the largest model's of the space.
        epochs: For how many it is trained, or was when its accuracy was what is seen.
    """

    record: TrialRecord
    seen: Seen
    share: float
    epochs: int


Hint = Callable[[Trial], float]


@dataclass(frozen=True)
class Told:
    """What the surrogate is told beside the spec.

    Attributes:
        hints: Numbers of a trial.
        slopes: Of each, how much accuracy is expected to rise with it, and how far that is off, in points.
        so_far: Stopped trials count with what they had reached, not with what they were predicted to.
    """

    hints: tuple[Hint, ...] = ()
    slopes: tuple[tuple[float, float], ...] = ()
    so_far: bool = False

    def __add__(self, other: Told) -> Told:
        return Told(self.hints + other.hints, self.slopes + other.slopes, self.so_far or other.so_far)

    def view(self, trial: Trial) -> Trial:
        """An earlier trial as it is told."""
        record = trial.record
        if not self.so_far or record.state != "pruned":
            return trial
        seen = replace(trial.seen, accuracy=record.epochs[-1].accuracy, predicted=False)
        return trial._replace(seen=seen, epochs=len(record.epochs))

    def __call__(self, trials: Sequence[Trial]) -> Array | None:
        """(n, k) hints."""
        if not self.hints:
            return None
        return np.array([[hint(trial) for hint in self.hints] for trial in trials])


def cut_out(trial: Trial) -> float:
    """1 for a model that was cut out."""
    return float(trial.record.spec.recipe.init == "backbone")


def size_cut_out(trial: Trial) -> float:
    """Of a model that was cut out, the logarithm of its size over an eighth of the backbone's; else 0."""
    return cut_out(trial) * math.log(8 * trial.share)


def of_parent(trial: Trial) -> float:
    """1 for a model that was cut out of a smaller one than the backbone."""
    return cut_out(trial) if trial.record.parent is not None else 0.0


def log_epochs(trial: Trial) -> float:
    """Logarithm of the epochs that it trains for."""
    return math.log(trial.epochs)


def log_wrong(trial: Trial) -> float:
    """Logarithm of the wrong answers before training in percent, around 30; 0 for one from scratch."""
    before, screened = trial.record.accuracy_before, trial.record.screened
    if screened is not None and screened.accuracy is not None:
        before = screened.accuracy
    return 0.0 if before is None else math.log(max(1.0, 100.0 - before) / 30.0)


START = Told((cut_out,), ((0.0, 1.0),))
SIZE = Told((size_cut_out,), ((0.0, 0.5),))
PARENT = Told((of_parent,), ((0.0, 0.5),))
EPOCHS = Told((log_epochs,), ((0.0, 0.5),))
SO_FAR = Told((log_epochs,), ((2.0, 2.0),), so_far=True)
BEFORE = Told((log_wrong,), ((-1.2, 0.4),))
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


@dataclass(frozen=True)
class Search:
    """A recorded search.

    Attributes:
        group: What it is put together with.
        layout: Genes of its space.
        trials: Those that the sampler sees, by number.
    """

    group: str
    layout: Layout
    trials: tuple[Trial, ...]


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


def opened(path: Path) -> Search:
    """Read a run; nothing is written."""
    file, directory, space = recorded(path), RunDirectory.open(path), bound_space(path)
    settings, name = file.settings, study_name(file.settings, directory)
    stored = read_storage(
        settings, directory, lambda storage: list(Store(storage, settings.objectives, name).read())
    )
    images, layout = file.facts.train_images, Layout(space)
    group = f"`{settings.backbone}`, {settings.init}, {settings.trials} trials, {images:,} images"
    return Search(group, layout, tuple(shown(stored, settings.objectives, layout)))


def shown(
    stored: Sequence[tuple[TrialRecord, Proposal]], objectives: tuple[str, ...], layout: Layout
) -> list[Trial]:
    """The trials that have an accuracy, or a prediction of one, as a sampler sees them."""
    stored = [(record, proposal) for record, proposal in stored if proposal.params]
    view = SamplerView(objectives, Limits(), {})
    for record, proposal in stored:
        view.add(record, proposal)
    pairs = zip([record for record, _ in stored], recall(view.study, layout).late, strict=True)
    largest = layout.params_high
    return [
        Trial(record, seen, seen.params / largest, record.spec.recipe.epochs)
        for record, seen in pairs
        if seen.accuracy is not None
    ]


def guesses(search: Search, told: Told, every: bool) -> list[Guessed]:
    """Each trial from those before it."""
    past, known, found = Past(), dict[int, Trial](), list[Guessed]()
    slopes = np.array(told.slopes).T if told.slopes else None
    for trial in search.trials:
        if _judged(trial, every) and past.trials >= STARTUP:
            pool = [known[id(seen)] for seen in past.most_telling(MOST)]
            surrogate = fit([one.seen for one in pool], search.layout, told(pool), slopes)
            (guess,), (spread,) = surrogate.guess(inputs([trial.seen], told([trial])))
            found.append(Guessed(trial.record.accuracy or 0.0, guess, math.hypot(spread, TRAINED_NOISE)))
        earlier = told.view(trial)
        known[id(earlier.seen)] = earlier
        past.add(earlier.seen)
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
    found = [own.surprise - other.surprise for own, other in zip(scores, first, strict=True)]
    error = statistics.stdev(found) / math.sqrt(len(found)) if len(found) > 1 else math.nan
    return f"{statistics.mean(found):+.3f} ± {error:.3f}"


if __name__ == "__main__":
    sys.exit(main())
