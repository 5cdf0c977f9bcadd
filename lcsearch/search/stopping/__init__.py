"""Which trials are stopped before their last epoch: one stopping rule a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lcsearch.core import plugins
from lcsearch.core.records import RungRecord


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial that has ended: trained to its end, or stopped.

    Attributes:
        number: Its number.
        params: Its parameters.
        curve: Its accuracy in percent after each epoch that it was trained for.
        complete: Whether it was trained to its end.
        hand_picked: Whether the search did not propose it.
    """

    number: int
    params: int
    curve: tuple[float, ...]
    complete: bool
    hand_picked: bool


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
        curve: The trial's accuracy in percent after each epoch so far, the rung's last.
        left: Epochs that it is still to be trained for.
        ended: The latest trials that ended and started as the trial did, by number.
        front: The run's front of trials that were trained to their end, however they started, by rising
            parameters, each with the accuracy at its end.
    """

    trial: RungRecord
    others: tuple[RungRecord, ...]
    baseline: float | None
    images: int
    factor: int
    metric: str = "accuracy"
    curve: tuple[float, ...] = ()
    left: int = 0
    ended: tuple[Ended, ...] = ()
    front: tuple[RungRecord, ...] = ()


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
