"""What to try next: first what was planned, then what the sampler proposes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from optuna.samplers import BaseSampler

from lcsearch.core.job import Progress
from lcsearch.core.records import TrialRecord
from lcsearch.core.spec import TrialSpec
from lcsearch.search.history import History
from lcsearch.search.proposals.candidate import Candidate
from lcsearch.search.proposals.gate import Gate
from lcsearch.search.sampler_view import SamplerView


class Suggests(Protocol):
    """A space, as far as proposing needs it."""

    def suggest(self, trial: Any) -> TrialSpec:
        """Ask a trial for every choice and make them a spec."""


class Proposer:
    """Proposes candidates one after the other.

    Args:
        planned: What is tried before any sampler is asked; what the history holds is skipped.
        space: Makes specs from a sampler's choices.
        make_sampler: A fresh sampler for the trial of a number.
        view: The study that samplers see, filled with what the history holds.
        history: What is recorded already.
        gate: Brings what else is planned, once there is a backbone to cut it out of; it then comes first.
    """

    def __init__(
        self,
        planned: Sequence[Candidate],
        space: Suggests,
        make_sampler: Callable[[int], BaseSampler],
        view: SamplerView,
        history: History,
        gate: Gate | None = None,
    ) -> None:
        self._planned = _untried(planned, history)
        self._gate = gate
        self._space = space
        self._make_sampler = make_sampler
        self._view = view

    def ready(self, history: History, progress: Progress) -> bool:
        """Whether there is something to propose now, and not only once the backbone is trained.

        Args:
            history: Every trial.
            progress: Hears what is prepared; what it raises passes through.
        """
        if self._gate is not None:
            later = self._gate.open(history, progress)
            if later is not None:
                self._planned, self._gate = [*_untried(later, history), *self._planned], None
        return self._gate is None or bool(self._planned)

    def dead_end(self, history: History) -> str | None:
        """Why nothing more will ever be ready; None while something may."""
        return None if self._gate is None else self._gate.dead_end(history)

    def next(self, number: int) -> Candidate:
        """The candidate for the trial of this number; only while it is ready."""
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


def _untried(planned: Sequence[Candidate], history: History) -> list[Candidate]:
    """What was planned and is not recorded yet; the records may have it in another order."""
    tried = Counter((trial.origin, trial.label, trial.spec.fingerprint()) for trial in history)
    left = []
    for candidate in planned:
        key = (candidate.origin, candidate.label, candidate.spec.fingerprint())
        if tried[key] > 0:
            tried[key] -= 1
        else:
            left.append(candidate)
    return left
