"""What a surrogate is told of recorded trials, beside their specs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from front_runs import bound_space, recorded

from lcsearch.core.records import TrialRecord
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.storage import read_storage, study_name
from lcsearch.runs.store import Proposal, Store
from lcsearch.search.limits import Limits
from lcsearch.search.sampler_view import SamplerView
from lcsearch.search.samplers._fit import MOST, fit
from lcsearch.search.samplers._guesses import Guesses
from lcsearch.search.samplers._layout import Layout
from lcsearch.search.samplers._past import Past, Seen, recall

Array = np.ndarray


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
    return float(trial.record.spec.recipe.is_cut_out)


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


class Known:
    """The earlier trials of a search, as a surrogate is told of them.

    Args:
        layout: Genes of the space.
        told: What it is told.
    """

    def __init__(self, layout: Layout, told: Told) -> None:
        self._layout, self._told = layout, told
        self._past, self._trials = Past(), dict[int, Trial]()

    def __len__(self) -> int:
        return self._past.trials

    def add(self, trial: Trial) -> None:
        """Add the next trial."""
        earlier = self._told.view(trial)
        self._trials[id(earlier.seen)] = earlier
        self._past.add(earlier.seen)

    def fitted(self) -> tuple[list[Trial], Guesses]:
        """The trials that tell the most, and a surrogate that is fitted to them."""
        pool = [self._trials[id(seen)] for seen in self._past.most_telling(MOST)]
        slopes = np.array(self._told.slopes).T if self._told.slopes else None
        return pool, fit([one.seen for one in pool], self._layout, self._told(pool), slopes)


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
