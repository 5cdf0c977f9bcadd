"""Screening: names candidates for the next trial, and chooses one of them once they were looked at.

Workers look at them; what they see is recorded. The choice depends on nothing but what is recorded: a search
that goes on has the same candidates, looks at none of them twice, and chooses the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler
from optuna.trial import FixedTrial

from lcsearch.core.look import Glance
from lcsearch.core.parameters import Trial
from lcsearch.core.screened import Screened
from lcsearch.core.spec import TrialSpec
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.store import Store
from lcsearch.search.history import History
from lcsearch.search.samplers import Promise, Screen, ScreeningSampler
from lcsearch.search.screening.answered import Answered
from lcsearch.search.screening.pool import Entry, Pool, Recorded, recorded_pool
from lcsearch.search.screening.race import Known, counts_of
from lcsearch.search.space import BoundSpace

if TYPE_CHECKING:
    from optuna.study import Study


@dataclass(frozen=True, slots=True)
class Choice:
    """What the next trial is to be asked of.

    Attributes:
        sampler: Answers its questions.
        screened: What it was chosen by; None where no candidates were named.
        parent: The trial that it was cut out of as it was looked at.
    """

    sampler: BaseSampler
    screened: Screened | None = None
    parent: int | None = None


class Screening:
    """The candidates of one run.

    Args:
        settings: Every setting of the run.
        space: The space, bound to the backbone.
        held: Training images that candidates are judged by.
        store: Keeps what is found.
        study: What samplers see.
        suggest: Makes a spec of a candidate's parameters.
        make_sampler: A fresh sampler for the trial of a number.

    Attributes:
        held: As given.
    """

    def __init__(
        self,
        settings: RunSettings,
        space: BoundSpace,
        held: int,
        store: Store,
        study: Study,
        suggest: Callable[[Trial], TrialSpec],
        make_sampler: Callable[[int], BaseSampler],
    ) -> None:
        self._settings, self._space, self.held, self._store = settings, space, held, store
        self._study, self._suggest, self._make_sampler = study, suggest, make_sampler
        self._recorded: list[Recorded] = []
        self._pool: Pool | None = None
        self._promise: Promise | None = None

    @property
    def counts(self) -> tuple[int, ...]:
        """Numbers of images after which it is decided whether a candidate is looked at more closely."""
        return counts_of(self.held)

    def take_up(self, history: History) -> None:
        """Find the candidates that an earlier process left, and have what they are cut out of kept."""
        self._recorded = recorded_pool(self._store, history.next_number)
        history.hold({one.parent for one in self._recorded if one.parent is not None})

    def choice(self, history: History) -> Choice | None:
        """The next trial; None as long as candidates for it are to be looked at."""
        pool = self.pool(history)
        if pool is None:
            return Choice(self._sampler(history.next_number))
        standing = pool.standing(self._promised(pool))
        if standing.wanted:
            return None
        place = int(np.argmax(self._promised(pool)(standing.accuracies)))
        chosen = pool.entries[place]
        return Choice(Answered(chosen.answers), pool.screened(standing.accuracies[place]), chosen.parent)

    def pool(self, history: History) -> Pool | None:
        """The candidates for the next trial; None while too little is known to choose by looks."""
        if self._pool is None or self._pool.number != history.next_number:
            self._pool, self._promise = self._open(history), None
        return self._pool

    def wanted(self, history: History) -> tuple[int, ...]:
        """Places of the candidates that are to be looked at."""
        pool = self.pool(history)
        return () if pool is None else pool.standing(self._promised(pool)).wanted

    def see(self, glance: Glance, history: History) -> bool:
        """Take a glance into account; whether its candidate is to be looked at more closely."""
        pool = self.pool(history)
        assert pool is not None
        pool.see(glance)
        go_on = not pool.done(glance.place) and glance.place in self.wanted(history)
        if not go_on:
            pool.record(glance.place)
        return go_on

    def changed(self) -> None:
        """What samplers see has changed: what candidates promise is to be weighed anew."""
        self._promise = None

    def _promised(self, pool: Pool) -> Promise:
        if self._promise is None:
            sampler = self._sampler(pool.number)
            assert isinstance(sampler, ScreeningSampler)
            self._promise = sampler.promise(self._study, [own.answers for own in pool.entries])
        return self._promise

    def _open(self, history: History) -> Pool | None:
        number, found = history.next_number, [self._entry(one) for one in self._recorded]
        self._recorded = []
        if found:
            return Pool(self._store, number, found, self.held)
        sampler = self._sampler(number)
        named = sampler.candidates(self._study) if isinstance(sampler, ScreeningSampler) else ()
        if not named:
            return None
        pool = Pool(self._store, number, [self._named(answers, history) for answers in named], self.held)
        history.hold({own.parent for own in pool.entries if own.parent is not None})
        pool.begin()
        return pool

    def _named(self, answers: Mapping[str, Any], history: History) -> Entry:
        spec = self._suggest(FixedTrial(dict(answers)))
        params, cut = self._space.params(spec.model), spec.recipe.is_cut_out
        parent = history.parent_of(spec, params) if cut and self._settings.inherit else None
        return Entry(answers, spec, params, parent, Known(scratch=not cut))

    def _entry(self, one: Recorded) -> Entry:
        spec = self._suggest(FixedTrial(dict(one.answers)))
        params = self._space.params(spec.model)
        return Entry(one.answers, spec, params, one.parent, one.known, one.cut, one.passed)

    def _sampler(self, number: int) -> BaseSampler:
        sampler = self._make_sampler(number)
        if isinstance(sampler, ScreeningSampler):
            sampler.screen = Screen(self._settings.screen, self._epochs)
        return sampler

    def _epochs(self, params: int) -> int:
        """For how many epochs a model of so many parameters is trained."""
        return self._settings.recipe_of(params, self._space.params(self._space.plain())).epochs
