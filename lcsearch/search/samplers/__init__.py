"""What to try next: one sampler a file, over Optuna's sampler interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lcsearch.core import plugins

if TYPE_CHECKING:
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
