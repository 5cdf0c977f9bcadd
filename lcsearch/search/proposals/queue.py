"""What to try next: first what was planned, then what the sampler proposes, then what trains on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from optuna.samplers import BaseSampler

from lcsearch.core.errors import InputError
from lcsearch.core.files import copy_file
from lcsearch.core.job import BACKBONE, Progress
from lcsearch.core.parameters import Trial
from lcsearch.core.records import TrialRecord
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.runs.directory import RunDirectory
from lcsearch.search.history import History
from lcsearch.search.proposals.finishing import Finishing
from lcsearch.search.proposals.plan import Candidate, Plan
from lcsearch.search.sampler_view import SamplerView
from lcsearch.search.screening import Screening


class Prepare(Protocol):
    """Makes what trials need beside the backbone's weights."""

    def __call__(self, start: Path, progress: Progress) -> Sequence[ModelSpec]:
        """Fill the start folder, as far as it is not filled, and propose models.

        Args:
            start: The folder; it holds the backbone's weights.
            progress: Hears what is being done; what it raises passes through, and a later call goes on.

        Returns:
            Models that promise to lose the least, best first tried; the same for the same folder.
        """


class Later:
    """What is tried once the backbone's weights are there and prepared for.

    Args:
        directory: The run directory.
        waits: Whether the backbone is a trial of this run; else its weights lie in the start folder already.
        prepare: Makes what trials need beside the weights.
        candidates: Makes candidates of what was proposed.
    """

    def __init__(
        self,
        directory: RunDirectory,
        waits: bool,
        prepare: Prepare,
        candidates: Callable[[Sequence[ModelSpec]], Sequence[Candidate]],
    ) -> None:
        self._directory = directory
        self._waits = waits
        self._prepare = prepare
        self._candidates = candidates

    def ready(self, history: History, progress: Progress) -> Sequence[Candidate] | None:
        """The candidates; None while the backbone is in training.

        Raises:
            InputError: The weights are gone.
            OSError: The disk is full.
        """
        weights = self._directory.start / BACKBONE
        if self._waits:
            baseline = history.baseline
            if baseline is None or baseline.state != "complete":
                return None
            if not weights.is_file():
                copy_file(self._directory.weights(baseline.number), weights)
        if not weights.is_file():
            raise InputError(f"{weights}: is missing, so no model can be cut out of the backbone")
        return self._candidates(self._prepare(self._directory.start, progress))

    def dead_end(self, history: History) -> str | None:
        """Why there will never be any, in words; None while there may."""
        baseline = history.baseline
        if not self._waits or baseline is None or baseline.state != "failed":
            return None
        return (
            f"trial {baseline.number}, the plain backbone, failed ({baseline.reason}), so there is nothing "
            "to cut models out of"
        )


class Proposer:
    """Proposes candidates one after the other.

    Args:
        planned: What is tried before any sampler is asked, or between; what the history holds is skipped.
        trials: As `Plan` takes it.
        suggest: Asks a trial for every choice and makes them a spec.
        make_sampler: A fresh sampler for the trial of a number.
        view: The study that samplers see, filled with what the history holds.
        history: What is recorded already.
        later: What else is planned, once there is a backbone to cut it out of; it then comes first.
        screening: Chooses among candidates that were looked at; None where that is off.
        finishing: Says which models train on at the end; None where none do.
    """

    def __init__(
        self,
        planned: Sequence[Candidate],
        trials: int,
        suggest: Callable[[Trial], TrialSpec],
        make_sampler: Callable[[int], BaseSampler],
        view: SamplerView,
        history: History,
        later: Later | None = None,
        screening: Screening | None = None,
        finishing: Finishing | None = None,
    ) -> None:
        self._planned = Plan(planned, trials, history)
        self._screening = screening
        self._finishing = finishing
        self._later = later
        self._suggest = suggest
        self._make_sampler = make_sampler
        self._view = view

    def ready(self, history: History, progress: Progress) -> bool:
        """Whether there is something to propose now, and not only once the backbone is trained.

        Args:
            history: Every trial.
            progress: Hears what is prepared; what it raises passes through.
        """
        if self._later is not None:
            found = self._later.ready(history, progress)
            if found is not None:
                self._planned.put_first(found, history)
                self._later = None
        return self._later is None or bool(self._planned)

    def dead_end(self, history: History) -> str | None:
        """Why nothing more will ever be ready; None while something may."""
        return None if self._later is None else self._later.dead_end(history)

    def next(self, history: History) -> Candidate | None:
        """The candidate for the next trial, only while it is ready; None as long as some are to be looked at.

        Args:
            history: Every trial.
        """
        planned = self._planned.next(history)
        if planned is not None:
            return planned
        finishing = None if self._finishing is None else self._finishing.next(history)
        if finishing is not None:
            return finishing
        if self._screening is None:
            return self._asked(self._make_sampler(history.next_number))
        choice = self._screening.choice(history)
        if choice is None:
            return None
        return replace(self._asked(choice.sampler), screened=choice.screened, parent=choice.parent)

    def _asked(self, sampler: BaseSampler) -> Candidate:
        asked = self._view.ask(sampler)
        spec = self._suggest(asked)
        return Candidate("sampler", "", spec, self._view.proposal(asked), asked)

    def tie(self, candidate: Candidate, record: TrialRecord) -> None:
        """Tell which trial a candidate became."""
        if candidate.asked is not None:
            self._view.keep(candidate.asked, record)
        else:
            self._view.add(record, candidate.proposal)
        self._changed()

    def learn(self, record: TrialRecord) -> None:
        """Let the sampler see the end of a trial."""
        self._view.end(record)
        self._changed()

    def memory(self) -> Mapping[str, Any]:
        """What the sampler keeps from trial to trial."""
        return self._view.memory()

    def _changed(self) -> None:
        if self._screening is not None:
            self._screening.changed()
