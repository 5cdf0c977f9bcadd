"""The candidates for one trial, with what is known of each: recorded, so that a search goes on with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lcsearch.core.look import Glance
from lcsearch.core.screened import Looked, Screened
from lcsearch.core.spec import TrialSpec
from lcsearch.runs.store import Store
from lcsearch.search.samplers import Promise
from lcsearch.search.screening.race import Known, Standing, stand

_POOL = "screening"
"""What is recorded of a pool: the trial that it is for, and how many candidates there are."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A candidate.

    Attributes:
        answers: The parameters that mean it.
        spec: What would be trained.
        params: Numbers that it must store.
        parent: The trial that it is cut out of; None for the backbone, or from scratch.
        known: What is known of it.
        cut: Whether it was cut out.
        passed: Images that went forward through a net for it.
    """

    answers: Mapping[str, Any]
    spec: TrialSpec
    params: int
    parent: int | None
    known: Known
    cut: bool = False
    passed: int = 0

    def seen(self, glance: Glance) -> Entry:
        """With one more glance."""
        known = replace(self.known, most=glance.most)
        if glance.images:
            known = replace(known, images=glance.images, accuracy=glance.accuracy)
        return replace(
            self, known=known, cut=self.cut or glance.images > 0, passed=self.passed + glance.passed
        )

    def hopeless(self, images: int) -> Entry:
        """As one that cannot be looked at: nothing of it is right."""
        return replace(self, known=replace(self.known, most=0.0, images=images, accuracy=0.0), cut=True)


class Pool:
    """Candidates for the next trial.

    Args:
        store: Keeps them.
        number: The number that the trial will have.
        entries: The candidates, the most promising first.
        images: How many judge them in all.
    """

    def __init__(self, store: Store, number: int, entries: Sequence[Entry], images: int) -> None:
        self._store, self.number, self._images = store, number, images
        self.entries = list(entries)

    def begin(self) -> None:
        """Record what the candidates are; cut short, nothing counts as recorded."""
        for place in range(len(self.entries)):
            self.record(place)
        self._store.note(_POOL, {"trial": self.number, "candidates": len(self.entries)})

    def record(self, place: int) -> None:
        """Record what is known of a candidate."""
        own = self.entries[place]
        told = {"answers": dict(own.answers), "parent": own.parent, "known": asdict(own.known)}
        self._store.note(_slot(place), {"trial": self.number, **told, "cut": own.cut, "passed": own.passed})

    def see(self, glance: Glance) -> None:
        """Take one more glance into account."""
        self.entries[glance.place] = self.entries[glance.place].seen(glance)

    def give_up(self, place: int) -> None:
        """Take a candidate for one of which nothing is right."""
        self.entries[place] = self.entries[place].hopeless(self._images)
        self.record(place)

    def done(self, place: int) -> bool:
        """Whether all images have judged a candidate."""
        return self.entries[place].known.images >= self._images

    def standing(self, promise: Promise) -> Standing:
        """How the candidates stand."""
        return stand([own.known for own in self.entries], promise, self._images)

    @property
    def made(self) -> int:
        """How many were cut out."""
        return sum(own.cut for own in self.entries)

    def screened(self, accuracy: float | None) -> Screened:
        """What is recorded with the trial.

        Args:
            accuracy: That of the candidate that was chosen; None where it trains from scratch.
        """
        looked = (Looked(own.params, own.known.accuracy, own.known.images) for own in self.entries if own.cut)
        return Screened(accuracy, self.made, sum(own.passed for own in self.entries), tuple(looked))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A candidate as it is recorded.

    Attributes:
        answers: The parameters that mean it.
        parent: The trial that it is cut out of.
        known: What is known of it.
        cut: Whether it was cut out.
        passed: Images that went forward through a net for it.
    """

    answers: Mapping[str, Any]
    parent: int | None
    known: Known
    cut: bool
    passed: int


def recorded_pool(store: Store, number: int) -> list[Recorded]:
    """The candidates that are recorded for the trial of a number; none where they are not all recorded."""
    noted = store.noted()
    if noted.get(_POOL, {}).get("trial") != number:
        return []
    own = [noted[_slot(place)] for place in range(noted[_POOL]["candidates"])]
    return [
        Recorded(one["answers"], one["parent"], Known(**one["known"]), one["cut"], one["passed"])
        for one in own
    ]


def _slot(place: int) -> str:
    """Where a candidate is recorded; those for the next trial take the same places."""
    return f"{_POOL}:{place:03d}"
