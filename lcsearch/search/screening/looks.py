"""Looks at candidates as jobs of an engine: for workers that have no trial, and heard of as trials are."""

from __future__ import annotations

from collections.abc import Mapping

from lcsearch.core.job import Metrics, Parent, Verdict
from lcsearch.core.look import Glance, Look, Prospect
from lcsearch.core.stopwatch import added_up
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.observer import Audience
from lcsearch.search.screening.pool import Pool
from lcsearch.search.screening.screening import Screening

AT_ONCE = 4
"""Candidates of one look: few, so that workers that become idle meanwhile have some too."""


class Looks:
    """What workers look at.

    Args:
        screening: The candidates; None where nothing is screened.
        directory: Where trials' folders, and the trained backbone's, lie.
        settings: Every setting of the run.
        history: Every trial as it stands.

    Attributes:
        audience: Hears what is looked at.
    """

    def __init__(
        self,
        screening: Screening | None,
        directory: RunDirectory,
        settings: RunSettings,
        history: History,
    ) -> None:
        self._screening, self._directory, self._settings = screening, directory, settings
        self.audience, self._history = Audience(), history
        self._live: dict[int, list[int]] = {}
        self._lost: dict[int, int] = {}
        self._spent: Mapping[str, float] = {}
        self._handed = 0

    @property
    def idle(self) -> bool:
        """True while no worker looks at anything."""
        return not self._live

    @staticmethod
    def owns(number: int) -> bool:
        """Whether a job is a look."""
        return number < 0

    def next(self) -> Look | None:
        """A look at candidates that nobody looks at yet; None where there are none."""
        assert self._screening is not None
        taken = {place for own in self._live.values() for place in own}
        places = [place for place in self._screening.wanted(self._history) if place not in taken][:AT_ONCE]
        if not places:
            return None
        self._handed += 1
        self._live[-self._handed] = places
        return Look(
            -self._handed,
            tuple(self._prospect(place) for place in places),
            start=str(self._directory.start.resolve()),
            held=self._screening.held,
            counts=self._screening.counts,
            precision=self._settings.recipe.precision,
            profile=self._settings.profile,
        )

    def on_epoch(self, number: int, metrics: Metrics, *, leave: bool) -> Verdict:
        """Take what a worker has seen into account, and say whether it looks more closely.

        Args:
            number: Of the look.
            metrics: Of a `Glance`.
            leave: Whether nothing more is to be looked at for now.
        """
        assert self._screening is not None
        glance, own = Glance.of(metrics), self._live[number]
        go_on = self._screening.see(glance, self._history)
        if glance.images == self._screening.counts[0]:
            self.audience.preparing(f"screening candidates: {self._pool.made} cut out", self._history)
        if not go_on:
            own.remove(glance.place)
        if leave:
            return Verdict.SUSPEND
        return Verdict.GO_ON if go_on else Verdict.STOP

    def on_spent(self, seconds: Metrics) -> None:
        """Add to where the workers' time went that looked at candidates for the next trial."""
        self._spent = added_up([self._spent, seconds])

    def end(self, number: int) -> None:
        """A worker has looked at what it was given, or has left."""
        for place in self._live.pop(number)[:1]:
            self._pool.record(place)

    def on_failed(self, number: int, reason: str) -> None:
        """Go on without the candidate that a worker failed at."""
        for place in self._live.pop(number)[:1]:
            self._pool.give_up(place)
            self.audience.remark(f"a candidate cannot be looked at: {reason}")

    def on_lost(self, number: int, reason: str) -> None:
        """Let another worker look, unless this candidate has ended several."""
        for place in self._live[number][:1]:
            self._lost[place] = self._lost.get(place, 0) + 1
            if self._lost[place] > self._settings.max_failures:
                self.on_failed(number, reason)
                return
        self.end(number)

    def close(self) -> Mapping[str, float]:
        """A trial begins, and candidates for another one are named from now on.

        Returns:
            Where the workers' time went that looked at candidates for it; empty where that was not measured.
        """
        spent, self._spent = self._spent, {}
        self._lost.clear()
        self._history.hold(())
        return spent

    @property
    def _pool(self) -> Pool:
        assert self._screening is not None
        pool = self._screening.pool(self._history)
        assert pool is not None
        return pool

    def _prospect(self, place: int) -> Prospect:
        own = self._pool.entries[place]
        if own.parent is None:
            return Prospect(place, own.spec.model)
        folder = str(self._directory.trial(own.parent).resolve())
        return Prospect(place, own.spec.model, Parent(folder, self._history[own.parent].spec.model))
