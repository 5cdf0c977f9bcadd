"""What is planned, and when it comes: at once, or between a sampler's own trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import optuna

from lcsearch.core.records import RIVALS, Origin, TrialRecord
from lcsearch.core.screened import Screened
from lcsearch.core.spec import TrialSpec
from lcsearch.runs.store import Proposal
from lcsearch.search.history import History
from lcsearch.search.proposals.needed import Kind, kind_of, not_needed

SHARE = 1 / 8
"""Of all epochs, what models that can wait may have taken before the next of them comes."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to try.

    Attributes:
        origin: Who proposed it.
        label: What to call it.
        spec: What to train.
        proposal: The sampler's choices that mean it: what is recorded beside the trial that it becomes.
        asked: The sampler's own trial; None for what was planned.
        screened: What it was chosen by before any training; None where nothing was looked at.
        parent: The trial that it was cut out of as it was looked at, or that it trains on.
        can_wait: Whether the search need not begin with it, though it is planned.
        meanwhile: Whether it is tried only while there is no trained backbone.
    """

    origin: Origin
    label: str
    spec: TrialSpec
    proposal: Proposal = field(default_factory=Proposal)
    asked: optuna.Trial | None = None
    screened: Screened | None = None
    parent: int | None = None
    can_wait: bool = False
    meanwhile: bool = False

    @property
    def kind(self) -> Kind | None:
        """What it is compared with to tell whether it is needed; None where it is for sure."""
        return kind_of(self.origin, self.spec)


class Plan:
    """What is tried beside a sampler's trials, in which order.

    Args:
        candidates: In the order in which they are tried; those that can wait among themselves.
        trials: Trials that the search may train, those left out that train an earlier model on.
        history: What is recorded already; that is left out.
    """

    def __init__(self, candidates: Sequence[Candidate], trials: int, history: History) -> None:
        self._first: list[Candidate] = []
        self._waiting: list[Candidate] = []
        self._trials = trials
        self.put_first(candidates, history)

    def __bool__(self) -> bool:
        return bool(self._first or self._waiting)

    def put_first(self, candidates: Sequence[Candidate], history: History) -> None:
        """Add what comes before all else; what is recorded already is left out.

        What was planned until then, and only until then, is dropped.
        """
        found = _untried(candidates, history)
        self._first = [one for one in self._first if not one.meanwhile]
        self._first[:0] = [one for one in found if not one.can_wait]
        self._waiting[:0] = [one for one in found if one.can_wait]

    def next(self, history: History) -> Candidate | None:
        """What is tried now; None where it is the sampler's turn.

        What can wait comes while rivals have taken their share of the epochs and no more, and in time for the
        search's last trials. What is not needed is left out, and what may not be comes as late as it can.

        Args:
            history: Every trial.
        """
        if not self:
            return None
        kinds = not_needed(history)
        for queue in (self._first, self._waiting):
            queue[:] = [one for one in queue if one.kind not in kinds.ended]
        last = self._trials - history.trained <= len(self._first) + len(self._waiting)
        found = _taken(self._first, kinds.open, last)
        if found is None and (last or self._share_left(history)):
            found = _taken(self._waiting, kinds.open, last)
        return found

    def _share_left(self, history: History) -> bool:
        rivals = sum(_epochs(trial) for trial in history if trial.origin in RIVALS)
        return rivals <= SHARE * sum(map(_epochs, history))


def _taken(queue: list[Candidate], unsure: Collection[Kind], last: bool) -> Candidate | None:
    """The first that is needed for sure, where there is no time left the first; it is taken off the queue."""
    sure = (place for place, one in enumerate(queue) if one.kind not in unsure)
    place = next(sure, 0 if last and queue else None)
    return None if place is None else queue.pop(place)


def _epochs(trial: TrialRecord) -> int:
    """That a trial took, or will take where it has not ended."""
    return trial.spec.recipe.epochs if trial.state == "running" else len(trial.epochs)


def _untried(planned: Sequence[Candidate], history: History) -> list[Candidate]:
    """What was planned and is not recorded yet; the records may have it in another order.

    Thinner nets of an older version, which have another width, stand for those of this one.
    """
    tried = Counter((trial.origin, trial.label, trial.spec.fingerprint()) for trial in history)
    has_thinner = any(trial.origin == "thinner" and trial.spec.model.width != 1 for trial in history)
    left = []
    for candidate in planned:
        if has_thinner and candidate.origin == "thinner":
            continue
        key = (candidate.origin, candidate.label, candidate.spec.fingerprint())
        if tried[key] > 0:
            tried[key] -= 1
        else:
            left.append(candidate)
    return left
