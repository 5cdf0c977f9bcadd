"""What to try next: first what was planned, then what the sampler proposes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import optuna
from optuna.samplers import BaseSampler

from lcsearch.history import History
from lcsearch.records import Origin, TrialRecord
from lcsearch.spec import TrialSpec
from lcsearch.study import Proposal
from lcsearch.view import SamplerView


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to try.

    Attributes:
        origin: Who proposed it.
        label: What to call it.
        spec: What to train.
        proposal: How it was proposed, in Optuna's terms.
        asked: The sampler's own trial; None for what was planned.
    """

    origin: Origin
    label: str
    spec: TrialSpec
    proposal: Proposal
    asked: optuna.Trial | None = None


class Suggests(Protocol):
    """A space, as far as proposing needs it."""

    def suggest(self, trial: Any) -> TrialSpec:
        """Ask a trial for every choice and make them a spec."""


class Proposer:
    """Proposes candidates one after the other.

    Args:
        planned: What is tried before any sampler is asked; those that the history holds are skipped.
        space: Makes specs from a sampler's choices.
        make_sampler: A fresh sampler for the trial of a number.
        view: The study that samplers see, filled with what the history holds.
        history: What is recorded already.
    """

    def __init__(
        self,
        planned: Sequence[Candidate],
        space: Suggests,
        make_sampler: Callable[[int], BaseSampler],
        view: SamplerView,
        history: History,
    ) -> None:
        self._planned = list(planned[history.planned :])
        self._space = space
        self._make_sampler = make_sampler
        self._view = view

    def next(self, number: int) -> Candidate:
        """The candidate for the trial of this number."""
        if self._planned:
            return self._planned.pop(0)
        asked = self._view.ask(self._make_sampler(number))
        spec = self._space.suggest(asked)
        return Candidate("sampler", "", spec, self._view.proposal(asked), asked)

    def tie(self, candidate: Candidate, record: TrialRecord) -> None:
        """Tell which trial a candidate became."""
        if candidate.asked is not None:
            self._view.keep(candidate.asked, record)
        else:
            self._view.add(record, candidate.proposal)

    def learn(self, record: TrialRecord) -> None:
        """Let the sampler see the end of a trial."""
        self._view.end(record)

    def memory(self) -> Mapping[str, Any]:
        """What the sampler keeps from trial to trial."""
        return self._view.memory()
