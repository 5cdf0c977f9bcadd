"""The Optuna study of a run: the one place where results are written and read back."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lcsearch.core.config import parse_config
from lcsearch.core.records import Decision, EpochRecord, LayerCount, State, TrialRecord
from lcsearch.core.screened import Screened
from lcsearch.runs.database import recorded

STUDY_NAME = "lcsearch"
_FIRST_LAYOUT = ("name", "family", "alpha", "rank", "sparsity", "params", "macs")
_STATES: dict[State, TrialState] = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "rejected": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """How a trial was proposed, in Optuna's terms.

    Attributes:
        params: The sampler's choice; empty for a spec outside the space.
        distributions: Where the choice was drawn from, by the same names.
        notes: What the sampler keeps with the trial (Optuna's system attributes).
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    distributions: Mapping[str, BaseDistribution] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


def directions_of(objectives: tuple[str, ...]) -> list[StudyDirection]:
    """Accuracy is maximised, everything else minimised."""
    return [
        StudyDirection.MAXIMIZE if objective == "accuracy" else StudyDirection.MINIMIZE
        for objective in objectives
    ]


class Store:
    """Trials of one study. One process writes, through one object.

    Args:
        storage: An Optuna storage; `lcsearch.runs.storage.open_storage` makes one.
        objectives: What is recorded as values; ``accuracy`` is maximised, the rest minimised.
        name: The study's name in the storage.
    """

    def __init__(self, storage: BaseStorage, objectives: tuple[str, ...], name: str = STUDY_NAME) -> None:
        self._storage = storage
        self._objectives = objectives
        self._ids: dict[int, int] = {}
        self._remembered: dict[str, Any] = {}
        self._study = recorded(lambda: _open_study(storage, name, objectives))
        self._study_id = recorded(lambda: storage.get_study_id_from_name(name))

    def begin(self, record: TrialRecord, proposal: Proposal) -> int:
        """Record a trial that starts now, or one that was decided without training.

        Args:
            record: The trial; its number is ignored.
            proposal: How it was proposed.

        Returns:
            The trial's number.
        """
        trial = optuna.trial.create_trial(
            state=_STATES[record.state],
            values=self._values(record) if record.state == "complete" else None,
            params=dict(proposal.params),
            distributions=dict(proposal.distributions),
            user_attrs={**_attributes(record), "sampler": dict(proposal.notes)},
        )
        trial_id = recorded(lambda: self._storage.create_new_trial(self._study_id, template_trial=trial))
        number = recorded(lambda: self._storage.get_trial_number_from_id(trial_id))
        self._ids[number] = trial_id
        return number

    def set(self, number: int, key: str, value: Any) -> None:
        """Record one more fact of a running trial: any JSON value."""
        trial_id = self._id(number)
        recorded(lambda: self._storage.set_trial_user_attr(trial_id, key, value))

    def add_epoch(self, number: int, epoch: EpochRecord) -> None:
        """Record a finished epoch of a running trial."""
        known = {name: value for name, value in asdict(epoch).items() if value is not None}
        self.set(number, f"epoch:{epoch.epoch:03d}", _finite(known))

    def add_decision(self, number: int, decision: Decision) -> None:
        """Record a decision at a rung of a running trial."""
        self.set(number, f"rung:{decision.rung:03d}", asdict(decision))

    def finish(self, record: TrialRecord) -> None:
        """Record the end of a running trial: its state, values, reason and metrics."""
        self.set(record.number, "outcome", _outcome(record))
        values = self._values(record) if record.state == "complete" else None
        trial_id, state = self._id(record.number), _STATES[record.state]
        recorded(lambda: self._storage.set_trial_state_values(trial_id, state, values))

    def settle(self) -> None:
        """Finish trials whose end was recorded just before the process died."""
        for trial in recorded(lambda: _by_number(self._study)):
            outcome = trial.user_attrs.get("outcome")
            if trial.state == TrialState.RUNNING and outcome is not None:
                self.finish(_record(trial, outcome))

    def read(self) -> Iterator[tuple[TrialRecord, Proposal]]:
        """Every trial by number, with how it was proposed."""
        for trial in recorded(lambda: _by_number(self._study)):
            notes = trial.user_attrs.get("sampler", {})
            yield _record(trial), Proposal(trial.params, trial.distributions, notes)

    def memory(self) -> Mapping[str, Any]:
        """What the sampler keeps from trial to trial, as of the last trial that was begun."""
        kept = recorded(lambda: self._study.user_attrs.get("sampler"))
        if kept is not None:
            begun = kept["number"] < recorded(lambda: self._storage.get_n_trials(self._study_id))
            self._remembered = kept["after" if begun else "before"]
        return self._remembered

    def remember(self, memory: Mapping[str, Any], number: int) -> None:
        """Record what the sampler keeps from trial to trial, so that a restart finds it.

        Args:
            memory: What it keeps once the trial is begun.
            number: The number that the trial will have. Should the process die before the trial is begun,
                what was kept before counts, and the same trial is proposed again.
        """
        if dict(memory) != self._remembered:
            kept = {"number": number, "before": self._remembered, "after": dict(memory)}
            recorded(lambda: self._study.set_user_attr("sampler", kept))
            self._remembered = dict(memory)

    def note(self, key: str, value: Any) -> None:
        """Record a fact of the run that is no trial's: any JSON value."""
        recorded(lambda: self._study.set_user_attr(key, value))

    def noted(self) -> Mapping[str, Any]:
        """Every such fact."""
        return recorded(lambda: self._study.user_attrs)

    def close(self) -> None:
        """Let go of the storage."""
        self._storage.remove_session()
        engine = getattr(self._storage, "engine", None)
        if engine is not None:
            engine.dispose()

    def _id(self, number: int) -> int:
        if number not in self._ids:
            find = self._storage.get_trial_id_from_study_id_trial_number
            self._ids[number] = recorded(lambda: find(self._study_id, number))
        return self._ids[number]

    def _values(self, record: TrialRecord) -> list[float]:
        sizes = {"params": record.params, "macs": record.macs, "trainable": record.trainable}
        numbers = {**record.metrics, "accuracy": record.accuracy, **sizes}
        return [float(cast(float, numbers[objective])) for objective in self._objectives]


def read_trials(storage: BaseStorage, name: str) -> tuple[TrialRecord, ...]:
    """Every trial of a study by number; none where there is no such study. Writes nothing."""
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return ()
    return tuple(map(_record, _by_number(study)))


def _open_study(storage: BaseStorage, name: str, objectives: tuple[str, ...]) -> optuna.Study:
    """The study of a name, which is made where there is none; one that is there is only read."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            study = optuna.load_study(study_name=name, storage=storage)
        except KeyError:
            directions = directions_of(objectives)
            study = optuna.create_study(storage=storage, study_name=name, directions=directions)
        finally:
            optuna.logging.set_verbosity(level)
        if not study.metric_names:
            study.set_metric_names(list(objectives))
    return study


def _by_number(study: optuna.Study) -> list[FrozenTrial]:
    return sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number)


def _attributes(record: TrialRecord) -> dict[str, Any]:
    about: dict[str, Any] = {
        "origin": record.origin,
        "label": record.label,
        "spec": record.spec.to_plain(),
        "params": record.params,
        "macs": record.macs,
        "layers": [layer.to_plain() for layer in record.layers],
        "started_at": record.started_at or time.time(),
    }
    if record.duplicate_of is not None:
        about["duplicate_of"] = record.duplicate_of
    if record.parent is not None:
        about["parent"] = record.parent
    if record.screened is not None:
        about["screened"] = asdict(record.screened)
    if record.state != "running":
        about["outcome"] = _outcome(record)
    return about


def _outcome(record: TrialRecord) -> dict[str, Any]:
    return {
        "state": record.state,
        "accuracy": record.accuracy,
        "predicted": record.predicted,
        "predicted_error": record.predicted_error,
        "reason": record.reason,
        "metrics": _finite(record.metrics),
        "finished_at": record.finished_at,
    }


def _finite(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: such a number becomes null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in numbers.items()}


def _record(trial: FrozenTrial, outcome: Mapping[str, Any] | None = None) -> TrialRecord:
    about = trial.user_attrs
    if outcome is None:
        outcome = (
            about.get("outcome", {"state": "failed"}) if trial.state.is_finished() else {"state": "running"}
        )
    return TrialRecord(
        number=trial.number,
        state=outcome["state"],
        origin=about["origin"],
        label=about["label"],
        spec=parse_config(about["spec"], f"trial {trial.number}").spec,
        params=about["params"],
        macs=about["macs"],
        layers=tuple(map(_layer, about["layers"])),
        accuracy=outcome.get("accuracy"),
        predicted=outcome.get("predicted"),
        predicted_error=outcome.get("predicted_error"),
        epochs=tuple(_epoch(about[key]) for key in sorted(about) if key.startswith("epoch:")),
        decisions=tuple(_decision(about[key]) for key in sorted(about) if key.startswith("rung:")),
        duplicate_of=about.get("duplicate_of"),
        parent=about.get("parent"),
        reason=outcome.get("reason"),
        started_at=about.get("started_at"),
        finished_at=outcome.get("finished_at"),
        worker=about.get("worker", ""),
        metrics=outcome.get("metrics") or {},
        screened=Screened.from_plain(about["screened"]) if "screened" in about else None,
        spent=about.get("spent", {}),
    )


def _epoch(plain: Mapping[str, Any]) -> EpochRecord:
    numbers: dict[str, Any] = {key: math.nan if value is None else value for key, value in plain.items()}
    return EpochRecord(**numbers)


def _decision(plain: Mapping[str, Any]) -> Decision:
    return Decision(plain["rung"], plain["go_on"], plain["rule"], tuple(plain["saw"]))


def _layer(plain: Mapping[str, Any] | Sequence[Any]) -> LayerCount:
    """A layer's counts; runs of version 0.1 hold them as a list."""
    if not isinstance(plain, Mapping):
        plain = dict(zip(_FIRST_LAYOUT, plain, strict=True))
    return LayerCount.from_plain(plain)
