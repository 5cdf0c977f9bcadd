"""Every trial of a run, in memory, with the questions that the search asks of them.

What a decision and a prediction look at does not grow with the search: the latest trials by number, and of
all earlier ones the front. Which these are depends on the trials alone, not on the order in which they became
known: a search that goes on looks at the same ones.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from lcsearch.core import pareto
from lcsearch.core.records import HAND_PICKED, SEARCHED, RungRecord, TrialRecord
from lcsearch.core.spec import Init, TrialSpec
from lcsearch.runs.choose import front_of
from lcsearch.search.stopping import Ended

LATEST = 1000
"""Trials that are looked at beside the front of all earlier ones."""


class History:
    """Trials by number.

    Args:
        trials: What is recorded already, in any order.
        finishing: Whether front models of the search train on later.
    """

    def __init__(self, trials: Iterable[TrialRecord] = (), *, finishing: bool = False) -> None:
        self._trials: dict[int, TrialRecord] = {}
        self._models: dict[str, int] = {}
        self._trained = 0
        self._front: list[TrialRecord] = []
        self._finishing = finishing
        self._searched: list[TrialRecord] = []
        self._continued: set[int] = set()
        self._hand_picked: set[int] = set()
        self._parents: dict[int, int] = {}
        self._held: set[int] = set()
        self._reached: dict[tuple[Init, int], _Reached] = defaultdict(_Reached)
        self._curves: dict[Init, _Latest] = defaultdict(_Latest)
        self._ended: dict[Init, _Latest] = defaultdict(_Latest)
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
    def continued(self) -> int:
        """Those of them that train an earlier model on."""
        return len(self._continued)

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
        if old is None:
            self._note_trained(record)
        if record.state in ("complete", "pruned") and (old is None or old.state == "running"):
            self._ended[record.spec.recipe.init].add(_ended(record))
        if record.state == "complete" and (old is None or old.state != "complete"):
            self._curves[record.spec.recipe.init].add(_ended(record))
            self._front = _grown(self._front, record)
            if record.origin in SEARCHED and not record.continues:
                self._searched = _grown(self._searched, record)

    def running(self) -> list[TrialRecord]:
        """Trials without an end, by number."""
        return [trial for trial in self if trial.state == "running"]

    def original_of(self, spec: TrialSpec) -> TrialRecord | None:
        """The earlier trial that trains the same model the same way."""
        number = self._models.get(spec.fingerprint())
        return None if number is None else self._trials[number]

    def reached(self, epoch: int, init: Init) -> Iterable[RungRecord]:
        """Trials that started in one way and have reached an epoch: the latest, and the earlier front."""
        return self._reached[init, epoch]

    def curves(self, init: Init) -> list[Sequence[float]]:
        """Accuracies by epoch of the latest trials that started in one way and were trained to their end."""
        return [one.curve for one in self._curves[init]]

    def ended(self, init: Init) -> tuple[Ended, ...]:
        """The latest trials that started in one way and have ended, complete or stopped, by number."""
        return tuple(self._ended[init])

    def front(self) -> list[TrialRecord]:
        """The front by rising parameters."""
        return list(self._front)

    def hold(self, parents: Iterable[int]) -> None:
        """Keep the weights of these, and of no others that were held, whatever becomes of the front."""
        self._held = set(parents)

    def keepers(self) -> set[int]:
        """Trials whose weights are kept: the front, hand-picked ones, parents of running ones, held ones.

        Where front models train on later, also those of the search's own front that have not.
        """
        parents = self._held | set(self._parents.values())
        wanted = {trial.number for trial in self._searched} - self._continued if self._finishing else set()
        return self._hand_picked | {trial.number for trial in self._front} | parents | wanted

    def parent_of(self, spec: TrialSpec, params: int) -> int | None:
        """The trial a model is cut out of: the smallest on the front that was fine-tuned and is no smaller.

        It must keep at least the model's channels in every group: what is gone cannot be had again. None
        where there is none, and for a model that is trained from scratch.

        Args:
            spec: What is trained.
            params: Its parameters.
        """
        if spec.recipe.init == "scratch":
            return None
        tuned = (trial for trial in self._front if self._cut_out(trial))
        able = (trial for trial in tuned if trial.params >= params and _holds(trial, spec))
        return next((trial.number for trial in able), None)

    def _cut_out(self, trial: TrialRecord) -> bool:
        """Whether a model was cut out of another one, also where it has trained on since."""
        first = self._trials[trial.parent] if trial.continues and trial.parent is not None else trial
        return first.spec.recipe.is_cut_out

    def _note_trained(self, record: TrialRecord) -> None:
        self._trained += 1
        if not record.continues:
            self._models.setdefault(record.spec.fingerprint(), record.number)
        elif record.parent is not None:
            self._continued.add(record.parent)

    def _note_epochs(self, record: TrialRecord, known: int) -> None:
        for done in record.epochs[known:]:
            rung = RungRecord(record.number, record.params, done.accuracy)
            self._reached[record.spec.recipe.init, done.epoch].add(rung)


def _grown(front: Sequence[TrialRecord], record: TrialRecord) -> list[TrialRecord]:
    """A front with one more trial."""
    return front_of(sorted([*front, record], key=lambda trial: trial.number))


def _holds(parent: TrialRecord, child: TrialSpec) -> bool:
    """Whether a model keeps at least another's channels in every group."""
    wanted = child.model.channels
    return all(wanted.get(name, 1.0) <= share for name, share in parent.spec.model.channels.items())


class _Reached:
    """Trials that have reached an epoch."""

    def __init__(self) -> None:
        self._front: list[RungRecord] = []
        self._late: list[RungRecord] = []

    def __iter__(self) -> Iterator[RungRecord]:
        yield from self._front
        yield from self._late

    def add(self, record: RungRecord) -> None:
        """Add a trial that is not there yet."""
        insort(self._late, record, key=_number)
        if len(self._late) > LATEST:
            early = sorted([*self._front, self._late.pop(0)], key=_number)
            self._front = [early[i] for i in pareto.front([(r.accuracy, float(r.params)) for r in early])]


class _Latest:
    """The latest trials that have ended."""

    def __init__(self) -> None:
        self._late: list[Ended] = []

    def __iter__(self) -> Iterator[Ended]:
        return iter(self._late)

    def add(self, trial: Ended) -> None:
        """Add a trial that is not there yet."""
        insort(self._late, trial, key=_number)
        del self._late[:-LATEST]


def _ended(record: TrialRecord) -> Ended:
    curve = tuple(done.accuracy for done in record.epochs)
    picked = record.origin in HAND_PICKED
    return Ended(record.number, record.params, curve, record.state == "complete", picked)


def _number(record: RungRecord | Ended) -> int:
    return record.number
