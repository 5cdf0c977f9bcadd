"""Which trials are stopped before their last epoch: one stopping rule a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lcsearch.core import plugins
from lcsearch.core.records import RungRecord


@dataclass(frozen=True, slots=True)
class Arrival:
    """A trial that has reached a rung, and everything that a rule may look at.

    Attributes:
        trial: The trial.
        others: Every other trial that has reached the rung, whatever became of it, by number.
        baseline: The plain backbone's accuracy at this rung, in percent; None where it is not known.
        images: Validation images that an accuracy is measured on; by another metric as many as would make
            an accuracy as uncertain (`lcsearch.core.metric.effective_images`).
        factor: Ratio between one rung and the next, at least 2.
        metric: What people call an accuracy, such as ``balanced accuracy``.
    """

    trial: RungRecord
    others: tuple[RungRecord, ...]
    baseline: float | None
    images: int
    factor: int
    metric: str = "accuracy"


@runtime_checkable
class StoppingRule(Protocol):
    """A pure function: the same arrival gives the same answer, also after a restart."""

    def __call__(self, arrival: Arrival) -> tuple[bool, str] | None:
        """Decide whether a trial goes on past a rung.

        Returns:
            Whether it goes on, and why, in a few words for the record. None where the rule has nothing to
            say: the trial goes on, and nothing is recorded.
        """


def find(name: str) -> StoppingRule:
    """Import the stopping rule of a name.

    Raises:
        InputError: There is none, or it does not load.
    """
    rule: StoppingRule = plugins.find(plugins.STOPPING_RULE, name)
    return rule
