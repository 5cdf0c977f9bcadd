"""A look at candidates: what workers do while they have no trial, and what they say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

from lcsearch.core.job import Job, Metrics, Parent, Report
from lcsearch.core.spec import ModelSpec, Precision


@dataclass(frozen=True, slots=True)
class Prospect:
    """A candidate: a model that is cut out of a trained one, to be judged before any training.

    Attributes:
        place: Its place among the candidates for a trial, 0 for the first.
        model: What it is.
        parent: What it is cut out of, if not of the backbone.
    """

    place: int
    model: ModelSpec
    parent: Parent | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Candidates to look at, one after the other, as plain picklable data.

    Of each the worker reports what it is cut out of, before it is cut out, and then how it does on more and
    more images; told to stop, it turns to the next candidate. It writes no file.

    Attributes:
        number: What engines call it: below 0, so that no trial has it, and not used twice in a session.
        prospects: The candidates, the most promising first.
        start: Folder that holds the trained backbone's weights. Whoever looks elsewhere takes its files
            along, and those of the folders of the candidates' parents.
        held: Training images, the last ones, that candidates are judged by.
        counts: Numbers of them after which a worker reports, rising; the last one is all.
        precision: Of the forward passes that judge them.
        profile: Whether to measure where its time goes.
    """

    number: int
    prospects: tuple[Prospect, ...]
    start: str
    held: int
    counts: tuple[int, ...]
    precision: Precision = "float32"
    profile: bool = False

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of the driver that are read, and not written to."""
        parents = (one.parent.folder for one in self.prospects if one.parent is not None)
        return tuple(dict.fromkeys((self.start, *parents)))


Work = Job | Look
"""What an engine hands to a worker."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What is seen of a candidate at once.

    Attributes:
        accuracy: In percent of the images that it was judged by.
        most: That of what it is cut out of, on all images; 0 where it cannot be cut out.
        images: Images that it was judged by; 0 before it was cut out.
        passed: Images that went forward through any net since the glance before, or since the work began; one
            pass back counts as two forward.
        place: Its place among the candidates.
    """

    accuracy: float
    most: float
    images: int
    passed: int
    place: int = 0

    def metrics(self) -> Metrics:
        """As a worker reports it."""
        return asdict(self)

    @classmethod
    def of(cls, metrics: Mapping[str, float]) -> Glance:
        """The inverse of `metrics`."""
        whole = {name: int(metrics[name]) for name in ("images", "passed", "place")}
        return cls(metrics["accuracy"], metrics["most"], **whole)


@runtime_checkable
class Looks(Protocol):
    """An objective that can also look at candidates; where a run screens, its objective is one."""

    def look(self, look: Look, report: Report) -> Metrics:
        """Look at candidates.

        Args:
            look: Which ones, and on what.
            report: Called with a running number, 1 for the first, and the metrics of a `Glance`; returns
                whether to go on with the candidate. May raise `lcsearch.core.job.Suspended`.

        Returns:
            Nothing that is looked at: all was reported.
        """
