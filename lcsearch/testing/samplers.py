"""The contract of a sampler."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import optuna
import torch
from optuna.samplers import BaseSampler

from lcsearch.core.records import State, TrialRecord
from lcsearch.core.spec import TrialSpec
from lcsearch.core.text import kind_of
from lcsearch.runs.store import Proposal
from lcsearch.search.limits import Limits
from lcsearch.search.sampler_view import SamplerView
from lcsearch.search.samplers import Sampler
from lcsearch.search.space import BoundSpace
from lcsearch.testing._expect import doing, expect
from lcsearch.testing._samples import bound_space, trial

_OBJECTIVES = (("accuracy", "params"), ("accuracy", "params", "macs"))
_STATES: tuple[State, ...] = (
    "complete",
    "complete",
    "complete",
    "pruned",
    "rejected",
    "failed",
    "running",
    "complete",
)
"""What becomes of the trials, in turn."""


@dataclass
class _Study:
    """A search's trials as samplers see them.

    Attributes:
        objectives: What is searched for.
        view: What samplers see.
        records: The trials so far.
        proposals: What was asked for them.
    """

    objectives: tuple[str, ...]
    view: SamplerView
    records: list[TrialRecord] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A trial whose answers are looked at before anything is made of them."""

    trial: optuna.Trial

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        value = self.trial.suggest_float(name, low, high, step=step, log=log)
        expect(low <= value <= high, f"it answers {value!r} to {name}, which goes from {low} to {high}")
        return value

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        value = self.trial.suggest_int(name, low, high, step=step, log=log)
        expect(low <= value <= high, f"it answers {value!r} to {name}, which goes from {low} to {high}")
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        value = self.trial.suggest_categorical(name, choices)
        expect(value in choices, f"it answers {value!r} to {name}, which is one of {list(choices)}")
        return value


def check_sampler(sampler: Sampler, space: BoundSpace | None = None, *, trials: int = 21) -> None:
    """Check that a sampler proposes what the space allows, repeatably, whatever became of earlier trials.

    Args:
        sampler: What its file calls ``SAMPLER``, or its entry point names.
        space: What is searched; a shipped space of a small net where None.
        trials: How many to ask for; more than those that the sampler draws at random to begin with.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.search.samplers.Sampler`.
    """
    space = space or bound_space()
    for objectives in _OBJECTIVES:
        study = _new_study(objectives, space, {})
        for number in range(trials):
            _next(study, sampler, space, number)
        _check_repeated(study, sampler, space)
        _check_resumed(study, sampler, space)


def _new_study(objectives: tuple[str, ...], space: BoundSpace, memory: dict[str, Any]) -> _Study:
    limits = Limits(max_params=int(0.8 * space.params(space.largest())))
    return _Study(objectives, SamplerView(objectives, limits, memory))


def _ask(study: _Study, sampler: Sampler, space: BoundSpace, number: int) -> tuple[optuna.Trial, TrialSpec]:
    """Ask a fresh sampler for one trial, as a search does."""
    before = _global_states()
    with doing("making it"):
        made = sampler(number, space)
    expect(isinstance(made, BaseSampler), f"it makes {kind_of(made)}, no optuna.samplers.BaseSampler")
    with doing(f"proposing trial {number} after {[record.state for record in study.records]}"):
        asked = study.view.ask(made)
        found = space.suggest(_Watched(asked))
    same = all(map(np.array_equal, before, _global_states()))
    expect(same, "it draws from Python's, NumPy's or torch's global generator; it must have its own, seeded")
    return asked, TrialSpec(found.model, found.regularizer)


def _next(study: _Study, sampler: Sampler, space: BoundSpace, number: int) -> None:
    asked, spec = _ask(study, sampler, space, number)
    proposal = study.view.proposal(asked)
    state = _STATES[number % len(_STATES)]
    record = trial(number, spec)
    if state != "complete":
        predicted = record.accuracy if state == "pruned" else None
        record = replace(record, state=state, accuracy=None, predicted=predicted)
    study.view.keep(asked, record)
    study.records.append(record)
    study.proposals.append(proposal)


def _check_repeated(study: _Study, sampler: Sampler, space: BoundSpace) -> None:
    again = _new_study(study.objectives, space, {})
    for number in range(len(study.records)):
        _next(again, sampler, space, number)
        ours, theirs = study.proposals[number].params, again.proposals[number].params
        expect(
            dict(ours) == dict(theirs),
            f"trial {number} of a second search with the same seeds is another: {theirs} instead of {ours}",
        )


def _check_resumed(study: _Study, sampler: Sampler, space: BoundSpace) -> None:
    """A restarted search knows the trials, and what samplers noted on the study and on the trials."""
    resumed = _new_study(study.objectives, space, study.view.memory())
    for record, proposal in zip(study.records, study.proposals, strict=True):
        resumed.view.add(record, proposal)
    asked = [_ask(one, sampler, space, len(study.records))[0].params for one in (study, resumed)]
    expect(
        asked[0] == asked[1],
        f"after a restart it proposes {asked[1]} instead of {asked[0]}: it may keep nothing but what the "
        "study holds",
    )


def _global_states() -> list[Any]:
    python, numpy = random.getstate()[1], np.random.get_state(legacy=False)["state"]
    return [python, numpy["key"], numpy["pos"], torch.get_rng_state().numpy().copy()]
