"""Every trial of a run, in memory, with the questions that the search asks of them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from lcsearch.core.records import RungRecord, TrialRecord
from lcsearch.core.spec import Init, TrialSpec
from lcsearch.runs.choose import front_of
from lcsearch.search.reached import Curves, Reached

HAND_PICKED = ("baseline", "uniform", "thinner")


class History:
    """Trials by number.

    Args:
        trials: What is recorded already, in any order.
    """

    def __init__(self, trials: Iterable[TrialRecord] = ()) -> None:
        self._trials: dict[int, TrialRecord] = {}
        self._models: dict[str, int] = {}
        self._trained = 0
        self._front: list[TrialRecord] = []
        self._hand_picked: set[int] = set()
        self._parents: dict[int, int] = {}
        self._reached: dict[tuple[Init, int], Reached] = defaultdict(Reached)
        self._curves: dict[Init, Curves] = defaultdict(Curves)
        for record in sorted(trials, key=lambda trial: trial.number):
            self.update(record)

    def __getitem__(self, number: int) -> TrialRecord:
        return self._trials[number]

    def __iter__(self) -> Iterator[TrialRecord]:
        return iter(self._trials.values())

    def __len__(self) -> int:
        return len(self._trials)

    @property
    def next_number(self) -> int:
        """The number that the next trial will have."""
        return len(self._trials)

    @property
    def baseline(self) -> TrialRecord | None:
        """The plain backbone's trial, in whatever state."""
        return next((trial for trial in self if trial.origin == "baseline"), None)

    @property
    def trained(self) -> int:
        """Trials that were trained or are being trained."""
        return self._trained

    @property
    def fruitless(self) -> int:
        """Trials at the end that brought nothing to train."""
        untrained = (
            t.state == "rejected" or t.duplicate_of is not None for t in reversed(self._trials.values())
        )
        return sum(1 for _ in takewhile(bool, untrained))

    def update(self, record: TrialRecord) -> None:
        """Add a trial or replace what was known of it."""
        old = self._trials.get(record.number)
        self._trials[record.number] = record
        self._note_epochs(record, 0 if old is None else len(old.epochs))
        if record.origin in HAND_PICKED:
            self._hand_picked.add(record.number)
        if record.state == "running" and record.parent is not None:
            self._parents[record.number] = record.parent
        else:
            self._parents.pop(record.number, None)
        if record.state == "rejected" or record.duplicate_of is not None:
            return
        self._trained += old is None
        self._models.setdefault(record.spec.fingerprint(), record.number)
        if record.state == "complete" and (old is None or old.state != "complete"):
            self._curves[record.spec.recipe.init].add(record.number, [e.accuracy for e in record.epochs])
            self._front = front_of(sorted([*self._front, record], key=lambda trial: trial.number))

    def running(self) -> list[TrialRecord]:
        """Trials without an end, by number."""
        return [trial for trial in self if trial.state == "running"]

    def twin(self, spec: TrialSpec) -> TrialRecord | None:
        """The earlier trial that trains the same model the same way."""
        number = self._models.get(spec.fingerprint())
        return None if number is None else self._trials[number]

    def reached(self, epoch: int, init: Init) -> Iterable[RungRecord]:
        """Trials that started in one way and have reached an epoch: the latest, and the earlier front."""
        return self._reached[init, epoch]

    def curves(self, init: Init) -> list[Sequence[float]]:
        """Accuracies by epoch of the latest trials that started in one way and were trained to their end."""
        return list(self._curves[init])

    def front(self) -> list[TrialRecord]:
        """The front by rising parameters."""
        return list(self._front)

    def keepers(self) -> set[int]:
        """Trials whose weights are kept: the front, the hand-picked ones, and parents of running ones."""
        return self._hand_picked | {trial.number for trial in self._front} | set(self._parents.values())

    def parent_of(self, record: TrialRecord) -> int | None:
        """The trial a model is cut out of: the smallest on the front that was fine-tuned and is no smaller.

        None where there is none, and for a model that is trained from scratch.
        """
        if record.spec.recipe.init == "scratch":
            return None
        tuned = (trial for trial in self._front if trial.spec.recipe.init == "backbone")
        return next((trial.number for trial in tuned if trial.params >= record.params), None)

    def _note_epochs(self, record: TrialRecord, known: int) -> None:
        for done in record.epochs[known:]:
            rung = RungRecord(record.number, record.params, done.accuracy)
            self._reached[record.spec.recipe.init, done.epoch].add(rung)


def as_twin(record: TrialRecord, twin: TrialRecord) -> TrialRecord:
    """A trial that builds the same model the same way as an earlier one: it takes the earlier values."""
    return replace(
        record,
        state=twin.state,
        accuracy=twin.accuracy,
        predicted=twin.predicted,
        metrics=twin.metrics,
        duplicate_of=twin.number,
        reason=f"the same model as trial {twin.number}",
        finished_at=None if twin.state == "running" else time.time(),
    )
