"""The study as samplers see it: in memory, with what was learnt from trials that never finished.

The record keeps stopped trials without values. Here a stopped trial carries its predicted final
accuracy, a duplicate the values of its original, and a rejected spec its constraint violation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from lcsearch.core.records import TrialRecord
from lcsearch.runs.optuna_private import note, sampler_notes
from lcsearch.runs.store import Proposal, directions_of
from lcsearch.search.limits import Limits
from lcsearch.search.samplers import CUT_FROM, CUT_OUT, PREDICTED, PREDICTED_ERROR, SCREENED

_INFEASIBLE_ACCURACY = 0.0
_CONSTRAINTS = "constraints:"


class SamplerView:
    """An in-memory Optuna study that samplers learn from.

    Args:
        objectives: Names of the values, accuracy first.
        limits: Sizes that specs must keep.
        memory: What the sampler kept, from an earlier process.
        cut_from: Parameters from which new models are cut out of a trained one; None where none are.
    """

    def __init__(
        self,
        objectives: tuple[str, ...],
        limits: Limits,
        memory: Mapping[str, Any],
        cut_from: float | None = None,
    ) -> None:
        self._objectives = objectives
        self._limits = limits
        self._cut_from = cut_from
        self._storage = optuna.storages.InMemoryStorage()
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.study = optuna.create_study(storage=self._storage, directions=directions_of(objectives))
        optuna.logging.set_verbosity(level)
        self._study_id = self._storage.get_study_id_from_name(self.study.study_name)
        if cut_from is not None:
            self.study.set_user_attr(CUT_FROM, cut_from)
        for key, value in memory.items():
            note(self.study, key, value)
        self._live: dict[int, int] = {}

    def ask(self, sampler: BaseSampler) -> optuna.Trial:
        """A trial whose ``suggest_*`` methods ask the sampler. `keep` or `drop` it afterwards."""
        self.study.sampler = sampler
        return self.study.ask()

    def proposal(self, trial: optuna.Trial) -> Proposal:
        """What was asked of a trial, and what the sampler noted on it."""
        frozen = self._storage.get_trial(self._id(trial))
        return Proposal(frozen.params, frozen.distributions, frozen.system_attrs)

    def memory(self) -> dict[str, Any]:
        """What the sampler keeps on the study."""
        return dict(sampler_notes(self.study))

    def keep(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """Tie an asked trial to its record; its values follow with `end`."""
        self._begin(self._id(trial), record)

    def add(self, record: TrialRecord, proposal: Proposal) -> None:
        """Show a trial that was not asked for here. A spec outside the space is not shown."""
        if not proposal.params:
            return
        running = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=dict(proposal.params),
            distributions=dict(proposal.distributions),
            system_attrs={k: v for k, v in proposal.notes.items() if not k.startswith(_CONSTRAINTS)},
        )
        self._begin(self._storage.create_new_trial(self._study_id, template_trial=running), record)

    def end(self, record: TrialRecord) -> None:
        """Show the end of a trial that is shown running; nothing happens while it has none."""
        if record.state != "running" and record.number in self._live:
            self._fill(self._live.pop(record.number), record)

    def _begin(self, trial_id: int, record: TrialRecord) -> None:
        if self._cut_from is not None:
            self._storage.set_trial_user_attr(trial_id, CUT_OUT, record.spec.recipe.is_cut_out)
        self._live[record.number] = trial_id
        self.end(record)

    def _id(self, trial: optuna.Trial) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, trial.number)

    def _fill(self, trial_id: int, record: TrialRecord) -> None:
        if record.screened is not None and record.screened.accuracy is not None:
            self._storage.set_trial_user_attr(trial_id, SCREENED, record.screened.accuracy)
        for name, violation in self._limits.violations(record.params, record.macs).items():
            self._storage.set_trial_system_attr(trial_id, _CONSTRAINTS + name, violation)
        accuracy = _accuracy(record)
        if accuracy is None:
            self._storage.set_trial_state_values(trial_id, TrialState.FAIL)
            return
        if record.state == "pruned":
            self._storage.set_trial_user_attr(trial_id, PREDICTED, True)
            if record.predicted_error is not None:
                self._storage.set_trial_user_attr(trial_id, PREDICTED_ERROR, record.predicted_error)
        sizes = {"params": record.params, "macs": record.macs, "trainable": record.trainable}
        numbers = {**record.metrics, "accuracy": accuracy, **sizes}
        values = [float(numbers.get(name, 0.0)) for name in self._objectives]
        self._storage.set_trial_state_values(trial_id, TrialState.COMPLETE, values)


def _accuracy(record: TrialRecord) -> float | None:
    if record.state == "rejected":
        return _INFEASIBLE_ACCURACY
    return record.predicted if record.state == "pruned" else record.accuracy
