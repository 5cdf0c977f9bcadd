"""A job and what passes between the search, whoever runs the job, and what trains in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from lcsearch.core.spec import ModelSpec, TrialSpec

WEIGHTS = "weights.safetensors"
"""In a trial's folder: the weights whose accuracy is recorded."""
CHECKPOINT = "checkpoint.pt"
"""In a trial's folder, while it runs: what it goes on from."""
BACKBONE = "backbone.safetensors"
"""In a start folder: the weights of the trained plain backbone."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A trained model that another one is cut out of.

    Attributes:
        folder: The folder of its trial, with its weights.
        model: What it is.
    """

    folder: str
    model: ModelSpec


@dataclass(frozen=True, slots=True)
class Job:
    """One trial to run, as plain picklable data.

    Attributes:
        number: The trial's number in the study.
        attempt: 0 at first; one more each time its worker was lost.
        seed: Seeds everything random in the trial.
        spec: What to train.
        directory: Folder of this trial, made by whoever runs it: weights and checkpoint.
        resume: Whether a checkpoint in that folder may be continued.
        start: Folder that holds what the trial starts from, such as the trained backbone's weights; empty
            where it starts from nothing. Whoever runs the trial elsewhere takes the folder's files along.
        parent: What the model is cut out of, if not of the backbone; its folder is taken along likewise.
        threads: CPU threads of this trial; 0 for as many as every trial of the run has.
        profile: Whether to measure where its time goes.
        held: Training images, the last ones, that its model is to be looked at on before it is trained; 0 for
            no look. What was seen is reported as that of epoch `BEFORE`.
    """

    number: int
    attempt: int
    seed: int
    spec: TrialSpec
    directory: str
    resume: bool
    start: str = ""
    parent: Parent | None = None
    threads: int = 0
    profile: bool = False
    held: int = 0

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of the driver that are read, and not written to."""
        parent = () if self.parent is None else (self.parent.folder,)
        return (*((self.start,) if self.start else ()), *parent)


BEFORE = 0
"""The epoch that has what a model does before any training, where it was looked at."""


Metrics = Mapping[str, float]
"""Numbers by name; ``accuracy`` (percent) must be among them."""

Report = Callable[[int, Metrics], bool]
"""Called by an objective after each epoch, with the epoch (1 for the first) and its metrics.

Returns whether to go on. May raise `Suspended`. An objective that continues from a checkpoint
first reports the checkpoint's last epoch once more: a report may have been lost with the worker,
and the search recognises one that was not.
"""

Objective = Callable[[Job, Report], Metrics]
"""Runs one trial and returns its final metrics. Must be picklable."""


Progress = Callable[[str], None]
"""Called now and then with what is being done, in a few words; may raise to leave."""


class Suspended(BaseException):
    """Raised out of a report: leave now, keep the checkpoint, the trial is continued later.

    Not an `Exception`: an objective that catches broadly must not swallow it.
    """


class ResultError(ValueError):
    """Raised for an objective whose result cannot be recorded; the message is the reason as it stands."""


class Verdict(Enum):
    """The search's answer to an epoch."""

    GO_ON = "go on"
    STOP = "stop"
    SUSPEND = "suspend"
