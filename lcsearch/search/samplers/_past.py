"""What the recombining sampler knows of earlier trials: worked out once per trial, not once per proposal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from lcsearch.core.pareto import front, ranks
from lcsearch.search.samplers import CUT_FROM, CUT_OUT, PREDICTED, PREDICTED_ERROR, SCREENED
from lcsearch.search.samplers._layout import Genome, Layout
from lcsearch.search.samplers._limits import violations

LATEST = 400
"""Trials that a proposal looks at beside the front of all earlier ones, so that its time does not grow."""

_STUDIES = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of an earlier trial.

    Attributes:
        genome: Its choices.
        key: Equal for trials that train the same model the same way.
        params: Its parameters.
        features: What the surrogate knows it by.
        accuracy: In percent; None while it runs or where it was never trained.
        sizes: The other objectives' values; empty where there is no accuracy.
        predicted: The accuracy is a stopped trial's prediction.
        running: It runs.
        over: By limit: the excess as a share of it.
        screened: Its accuracy before any training, in percent of training images; None where it has none.
        error: Standard deviation of a prediction in points; None where it is not known.
        cut: Its model was cut out of a trained one.
    """

    genome: Genome
    key: int
    params: int
    features: np.ndarray
    accuracy: float | None
    sizes: tuple[float, ...]
    predicted: bool
    running: bool
    over: Mapping[str, float]
    screened: float | None = None
    error: float | None = None
    cut: bool = False

    @property
    def point(self) -> tuple[float, float]:
        """Accuracy and params."""
        return self.accuracy or 0.0, float(self.params)


@dataclass(slots=True)
class Past:
    """Earlier trials of a study, by number.

    Attributes:
        known: Keys of everything that was proposed.
        trained: Trials with an accuracy that a proposal looks at: the front of all, and the latest.
        late: The latest trials of any state.
        trials: How many have an accuracy.
        cut_from: Parameters from which new models are cut out of a trained one; None where none are.
    """

    known: set[int] = field(default_factory=set)
    trained: list[Seen] = field(default_factory=list)
    late: list[Seen] = field(default_factory=list)
    trials: int = 0
    cut_from: float | None = None

    def add(self, seen: Seen) -> None:
        """Add the next trial."""
        self.known.add(seen.key)
        self.late = [*self.late[-LATEST:], seen]
        if seen.accuracy is None:
            return
        self.trials += 1
        self.trained.append(seen)
        if len(self.trained) > 2 * LATEST:
            early = self.trained[:-LATEST]
            self.trained = [early[i] for i in sorted(front([s.point for s in early]))] + self.trained[
                -LATEST:
            ]

    @property
    def running(self) -> list[Seen]:
        """The latest trials without an end."""
        return [seen for seen in self.late if seen.running]

    def most_telling(self, most: int) -> list[Seen]:
        """At most so many trials, the best ranks first.

        A third of the places goes to the latest of the rest, which keep the guesses sober elsewhere.
        """
        if len(self.trained) <= most:
            return self.trained
        rank = ranks([seen.point for seen in self.trained])
        best = sorted(range(len(rank)), key=lambda i: (rank[i], -i))[: 2 * most // 3]
        chosen = set(best)
        rest = [i for i in range(len(rank) - 1, -1, -1) if i not in chosen][: most - len(best)]
        return [self.trained[i] for i in sorted(best + rest)]

    def copy(self) -> Past:
        """A past that grows without changing this one."""
        return Past(set(self.known), list(self.trained), list(self.late), self.trials, self.cut_from)


@dataclass(slots=True)
class _Memory:
    """The past of a study up to its first trial that has no end yet."""

    past: Past = field(default_factory=Past)
    upto: int = 0


_memory: dict[str, _Memory] = {}


def recall(study: Study, layout: Layout, number: int | None = None) -> Past:
    """Everything that was tried before the trial of a number; all where None.

    The trials up to the first one that still runs are kept; what is behind it is looked at anew, so that
    the answer depends on nothing but the study.
    """
    if study.study_name not in _memory and len(_memory) >= _STUDIES:
        _memory.clear()
    kept = _memory.setdefault(study.study_name, _Memory())
    trials = study.get_trials(deepcopy=False)
    if kept.upto > len(trials):
        kept.past, kept.upto = Past(), 0
    while kept.upto < len(trials) and trials[kept.upto].state.is_finished():
        _add(kept.past, layout, trials[kept.upto])
        kept.upto += 1
    past = kept.past.copy()
    past.cut_from = study.user_attrs.get(CUT_FROM)
    for trial in trials[kept.upto :]:
        if trial.number != number:
            _add(past, layout, trial)
    return past


def _add(past: Past, layout: Layout, trial: FrozenTrial) -> None:
    if trial.params:
        past.add(_see(layout, trial))


def _see(layout: Layout, trial: FrozenTrial) -> Seen:
    genome = layout.drawn(trial.params, lambda *_: 0.5)
    over = violations(trial)
    trained = trial.state == TrialState.COMPLETE and max(over.values(), default=0.0) <= 0
    values: Sequence[float] = trial.values if trained else ()
    return Seen(
        genome,
        layout.key(genome),
        layout.params(genome),
        layout.features(genome),
        float(values[0]) if trained else None,
        tuple(values[1:]),
        bool(trial.user_attrs.get(PREDICTED)),
        trial.state == TrialState.RUNNING,
        over,
        trial.user_attrs.get(SCREENED),
        trial.user_attrs.get(PREDICTED_ERROR),
        bool(trial.user_attrs.get(CUT_OUT)),
    )
