"""Front models that train on from their own weights: the last share of a run's trials.

Which ones is a pure function of what is recorded. The search and what one would pick by hand have a front
each, and an equal share of each trains on, so that a verdict compares like with like. Of one front next is
the model whose side gains the most hypervolume, should training on bring it `GAIN`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from lcsearch.core.errors import InputError, Named
from lcsearch.core.pareto import Box, box_of, hypervolume
from lcsearch.core.records import RIVALS, SEARCHED, Origin, TrialRecord
from lcsearch.core.spec import Recipe
from lcsearch.core.text import counted
from lcsearch.runs.choose import front_of
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.proposals.plan import Candidate
from lcsearch.train.fine_tune import longer_recipe

GAIN = 1.0
"""What training on is expected to bring a model, in points of accuracy. It was not tuned: it only weighs a
place on the front where no smaller model is near against one where such a model has trained on already."""


def finishing_trials(settings: RunSettings) -> int:
    """How many of a run's trials train a model on, where there are as many front models."""
    return round(settings.finish * settings.trials)


def trials_before(settings: RunSettings) -> int:
    """How many of a run's trials come first: those that train no earlier model on."""
    return settings.trials - finishing_trials(settings)


def recipe_of(own: Recipe, settings: RunSettings) -> Recipe:
    """How a model is trained on that was trained in one way."""
    return replace(longer_recipe(own, settings.finish_epochs, settings.fine_tune), init="trial")


@dataclass(frozen=True)
class Finishing:
    """Says which model trains on, and when.

    Attributes:
        settings: Every setting of the run.
        smallest_params: Parameters of the smallest model that the space holds.
        kept: Whether a trial's weights are there.
    """

    settings: RunSettings
    smallest_params: int
    kept: Callable[[int], bool]

    def next(self, history: History) -> Candidate | None:
        """The model that trains on now; None before the last share of the trials, and where none is left."""
        if history.trained - history.continued < trials_before(self.settings):
            return None
        found = choose(tuple(history), self.smallest_params, self.kept)
        if found is None:
            return None
        spec = replace(found.spec, recipe=recipe_of(found.spec.recipe, self.settings))
        return Candidate(found.origin, found.label, spec, parent=found.number)


def choose(
    trials: Sequence[TrialRecord], smallest_params: int, kept: Callable[[int], bool] = lambda number: True
) -> TrialRecord | None:
    """The trial whose model trains on next, each at most once; None where no front has one that has not.

    Args:
        trials: Every trial of the run.
        smallest_params: Parameters of the smallest model that the space holds.
        kept: Whether a trial's weights are there.
    """
    baseline = next((t for t in trials if t.origin == "baseline" and t.state == "complete"), None)
    if baseline is None or baseline.accuracy is None:
        return None
    box = box_of(baseline.accuracy, baseline.params, smallest_params)
    sides = [_side(trials, origins, kept) for origins in (SEARCHED, RIVALS)]
    side = min((side for side in sides if side.left), key=lambda side: side.share, default=None)
    return None if side is None else side.best(box)


@dataclass(frozen=True)
class _Side:
    """The models of the search, or those that one would pick by hand.

    Attributes:
        points: (accuracy in percent, params) of all that are complete, those that train on with `GAIN`.
        left: Members of its front that have not trained on.
        share: Of its front, what has trained on, or does.
    """

    points: Sequence[tuple[float, int]]
    left: Sequence[TrialRecord]
    share: float

    def best(self, box: Box) -> TrialRecord:
        """The one that promises most; of equal ones the most accurate."""
        return max(self.left, key=lambda trial: (self._with(trial, box), trial.accuracy or 0.0))

    def _with(self, trial: TrialRecord, box: Box) -> float:
        return hypervolume([*self.points, _later(trial)], box)


def _side(trials: Sequence[TrialRecord], origins: Collection[Origin], kept: Callable[[int], bool]) -> _Side:
    own = [trial for trial in trials if trial.origin in origins]
    members = front_of([trial for trial in own if not trial.continues])
    training_on = {trial.parent for trial in own if trial.continues}
    left = [one for one in members if one.number not in training_on and kept(one.number)]
    now = {trial.parent for trial in own if trial.continues and trial.state == "running"}
    complete = [(t.accuracy or 0.0, t.params) for t in own if t.state == "complete"]
    points = [*complete, *(_later(trial) for trial in own if trial.number in now)]
    gone = sum(one.number in training_on for one in members)
    return _Side(points, left, gone / len(members) if members else 1.0)


def _later(trial: TrialRecord) -> tuple[float, int]:
    """Accuracy and parameters that a model is expected to have once it has trained on."""
    return (trial.accuracy or 0.0) + GAIN, trial.params


def refuse_finishing(settings: RunSettings) -> None:
    """Make sure that nothing is asked for that the user's own training loop cannot do.

    Raises:
        InputError: Models are to train on.
    """
    if settings.finish:
        problem = "means nothing here: a training loop of your own starts from what it likes"
        raise InputError(problem, setting="finish", value=settings.finish)


def check_finishing(settings: RunSettings, planned: Callable[[], int]) -> None:
    """Make sure that a run's last share can be had.

    Args:
        settings: Every setting of the run.
        planned: Counts the models that are planned, at most; asked only where a share is wanted.

    Raises:
        InputError: It is no trial at all, or leaves fewer trials than are planned.
    """
    if not settings.finish:
        return
    first, trials, most = trials_before(settings), counted(settings.trials, "trial"), planned()
    if first == settings.trials:
        problem = f"of {trials} that is none"
    elif first < most:
        problem = f"of {trials} that leaves {first}, where {most} may be planned"
    else:
        return
    raise InputError(
        f"{problem}; use another share or more ", Named("trials"), setting="finish", value=settings.finish
    )
