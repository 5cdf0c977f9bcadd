"""What to try next: one sampler a file, over Optuna's sampler interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lcsearch.core import plugins

if TYPE_CHECKING:
    import numpy as np
    from optuna.samplers import BaseSampler

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


class Screen(Protocol):
    """Looks at candidates before one of them is proposed.

    Attributes:
        count: How many of them at most.
    """

    count: int

    def epochs(self, params: int) -> int:
        """For how many epochs a model of so many parameters would be trained."""

    def __call__(self, answers: Sequence[Mapping[str, Any]], promise: Promise) -> Sequence[float | None]:
        """The accuracies of candidates before any training, in percent of training images.

        Args:
            answers: The parameters of each, the most promising first.
            promise: What each promises: one that cannot come out ahead is looked at less closely.

        Returns:
            One for each; None for one that trains from scratch. That of one that is behind may be too high,
            but it is behind with it.
        """


@runtime_checkable
class ScreeningSampler(Protocol):
    """What a sampler makes that chooses among candidates by their accuracy before any training.

    In the study such trials have it as the user attribute `SCREENED`.

    Attributes:
        screen: Set before it is asked where candidates can be looked at; None else.
    """

    screen: Screen | None


SCREENED = "screened"
PREDICTED = "predicted"
"""The user attribute of a stopped trial, whose accuracy is a prediction."""
PREDICTED_ERROR = "predicted_error"
"""That of the standard deviation of such a prediction in points, where it is known."""


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
