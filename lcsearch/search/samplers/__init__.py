"""What to try next: one sampler a file, over Optuna's sampler interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lcsearch.core import plugins

if TYPE_CHECKING:
    import numpy as np
    from optuna.samplers import BaseSampler
    from optuna.study import Study

    from lcsearch.search.space import BoundSpace


@runtime_checkable
class Sampler(Protocol):
    """Makes what proposes one trial.

    It is called anew for every trial, seeded from the run's seed and the trial's number, and what it makes
    keeps nothing but what the study holds: so a restarted run asks the same questions and gets the same
    answers.
    """

    def __call__(self, seed: int, space: BoundSpace) -> BaseSampler:
        """Make an Optuna sampler.

        Args:
            seed: Seeds everything random in it; from 0, below 2**32.
            space: What is searched, for samplers that know layers.

        Raises:
            InputError: It needs a package that is not there.
        """


Promise = Callable[[Sequence[float | None]], "np.ndarray"]
"""What each candidate of a pool promises, given the accuracy of each before any training.

It must not fall where an accuracy rises, and depend for each candidate on its own accuracy alone. None stands
for a candidate that trains from scratch.
"""


@dataclass(frozen=True, slots=True)
class Screen:
    """What a sampler is told of how candidates are looked at.

    Attributes:
        count: How many of them at most.
        epochs: For how many epochs a model of so many parameters would be trained.
    """

    count: int
    epochs: Callable[[int], int]


@runtime_checkable
class ScreeningSampler(Protocol):
    """What a sampler makes that chooses among candidates by their accuracy before any training.

    It names them, others look at them, and then it weighs them: each by a sampler that was made anew for the
    trial, on the study as it is then. In the study such trials have that accuracy as the user attribute
    `SCREENED`.

    Attributes:
        screen: Set before it is asked where candidates can be looked at; None else.
    """

    screen: Screen | None

    def candidates(self, study: Study) -> Sequence[Mapping[str, Any]]:
        """The parameters of each candidate for the next trial, the most promising first.

        None while too little is known to choose by looks: then the sampler is asked as it is without them.
        """

    def promise(self, study: Study, candidates: Sequence[Mapping[str, Any]]) -> Promise:
        """What candidates promise that were named before, as far as it is known now."""


SCREENED = "screened"
PREDICTED = "predicted"
"""The user attribute of a stopped trial, whose accuracy is a prediction."""
PREDICTED_ERROR = "predicted_error"
"""That of the standard deviation of such a prediction in points, where it is known."""
CUT_OUT = "cut_out"
"""That of whether a trial's model was cut out of a trained one, in a study that has `CUT_FROM`."""
CUT_FROM = "cut_from"
"""The user attribute of a study in which models are cut out of a trained one: from how many parameters on new
ones are. Smaller ones train from scratch."""


def find(name: str) -> Sampler:
    """Import the sampler of a name.

    Raises:
        InputError: There is none, or it does not load.
    """
    sampler: Sampler = plugins.find(plugins.SAMPLER, name)
    return sampler


def make(name: str, *, seed: int, space: BoundSpace) -> BaseSampler:
    """Make what proposes one trial.

    Args:
        name: A sampler.
        seed: Any non-negative integer.
        space: What is searched.

    Raises:
        InputError: There is no such sampler, or it needs a package that is not there.
    """
    return find(name)(seed % 2**32, space)
