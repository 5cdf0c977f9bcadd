"""What samplers see of trials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from lcsearch.core.records import LayerCount, TrialRecord
from lcsearch.core.screened import Screened
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.runs.optuna_private import note
from lcsearch.runs.store import Proposal
from lcsearch.search.limits import Limits
from lcsearch.search.sampler_view import SamplerView
from lcsearch.search.samplers import CUT_FROM, CUT_OUT, SCREENED

SPEC = TrialSpec(ModelSpec("base", 10, 1))
X = FloatDistribution(0.0, 1.0)
OBJECTIVES = ("accuracy", "params", "macs", "seconds")


def view(objectives: tuple[str, ...] = OBJECTIVES, **memory: Any) -> SamplerView:
    return SamplerView(objectives, Limits(1000, 4000), memory)


def record(number: int, state: Any = "complete", **more: Any) -> TrialRecord:
    return TrialRecord(number, state, "sampler", "", SPEC, 1500, 2000, **more)


def proposal(x: float = 0.5, **notes: Any) -> Proposal:
    return Proposal({"x": x}, {"x": X}, notes)


def only(shown: SamplerView) -> FrozenTrial:
    (trial,) = shown.study.get_trials()
    return trial


def test_accuracy_is_to_rise_and_everything_else_to_fall() -> None:
    assert [one.name for one in view().study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE", "MINIMIZE"]


def test_the_log_level_is_left_as_it_is() -> None:
    before = optuna.logging.get_verbosity()
    try:
        for level in (optuna.logging.DEBUG, optuna.logging.ERROR):
            optuna.logging.set_verbosity(level)
            view()
            assert optuna.logging.get_verbosity() == level
    finally:
        optuna.logging.set_verbosity(before)


def test_nothing_is_said_of_the_study_that_is_made(caplog: pytest.LogCaptureFixture) -> None:
    before = optuna.logging.get_verbosity()
    optuna.logging.enable_propagation()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        view()
    finally:
        optuna.logging.disable_propagation()
        optuna.logging.set_verbosity(before)
    assert not caplog.records


@pytest.mark.parametrize(
    ("ended", "values", "predicted"),
    [
        (record(0, accuracy=80.0, metrics={"seconds": 3}), [80.0, 1500.0, 2000.0, 3.0], None),
        (record(0, accuracy=80.0), [80.0, 1500.0, 2000.0, 0.0], None),
        (record(0, accuracy=80.0, metrics={"params": 1, "accuracy": 2}), [80.0, 1500.0, 2000.0, 0.0], None),
        (record(0, "pruned", predicted=70.0, accuracy=60.0), [70.0, 1500.0, 2000.0, 0.0], True),
        (record(0, "rejected"), [0.0, 1500.0, 2000.0, 0.0], None),
        (record(0, "complete", accuracy=50.0, duplicate_of=3), [50.0, 1500.0, 2000.0, 0.0], None),
    ],
    ids=["complete", "without a metric", "own numbers", "stopped", "rejected", "duplicate"],
)
def test_the_end_of_a_trial(ended: TrialRecord, values: list[float], predicted: bool | None) -> None:
    shown = view()
    shown.add(ended, proposal())
    trial = only(shown)
    assert (trial.state, trial.values) == (TrialState.COMPLETE, values)
    assert trial.user_attrs.get("predicted") is predicted
    assert trial.system_attrs == {"constraints:max_params": 0.5, "constraints:max_macs": -0.5}
    assert (trial.params, trial.distributions) == ({"x": 0.5}, {"x": X})


@pytest.mark.parametrize("error", [None, 0.7])
def test_how_sure_a_prediction_is_is_shown(error: float | None) -> None:
    shown = view()
    shown.add(record(0, "pruned", predicted=70.0, predicted_error=error), proposal())
    assert only(shown).user_attrs.get("predicted_error") == error
    shown = view()
    shown.add(record(0, accuracy=70.0, predicted_error=error), proposal())
    assert "predicted_error" not in only(shown).user_attrs


@pytest.mark.parametrize(
    ("screened", "told"), [(Screened(40.0, 8, 2000), 40.0), (Screened(None, 8, 2000), None), (None, None)]
)
def test_what_a_model_did_before_any_training_is_shown(screened: Screened | None, told: float | None) -> None:
    shown = view()
    shown.add(record(0, accuracy=70.0, screened=screened), proposal())
    assert only(shown).user_attrs == ({} if told is None else {SCREENED: told})


def test_what_is_trained_may_be_to_fall_too() -> None:
    shown = view(("accuracy", "trainable"))
    shared = LayerCount("features.0", "shared", 1000, 10, trainable=400)
    shown.add(record(0, accuracy=70.0, layers=(shared,)), proposal())
    assert only(shown).values == [70.0, 900.0], "600 of 1,500 parameters are stored, and not trained"


@pytest.mark.parametrize("ended", [record(0, "failed"), record(0, "pruned"), record(0, "complete")], ids=str)
def test_a_trial_without_an_accuracy_has_failed(ended: TrialRecord) -> None:
    shown = view()
    shown.add(ended, proposal())
    trial = only(shown)
    assert trial.state == TrialState.FAIL and trial.values is None
    assert trial.user_attrs == {}
    assert trial.system_attrs["constraints:max_params"] == 0.5


def test_a_running_trial_ends_once() -> None:
    shown = view(("accuracy", "params"))
    shown.add(record(7, "running"), proposal())
    assert only(shown).state == TrialState.RUNNING and only(shown).system_attrs == {}
    shown.end(record(7, "running"))
    shown.end(record(6, accuracy=10.0))
    assert only(shown).state == TrialState.RUNNING
    shown.end(record(7, accuracy=80.0))
    assert only(shown).values == [80.0, 1500.0]
    shown.end(record(7, accuracy=90.0))
    assert only(shown).values == [80.0, 1500.0]


def test_what_a_sampler_noted_is_shown_but_not_what_it_thought_of_limits() -> None:
    shown = view()
    shown.add(record(0, "running"), proposal(**{"tpe:noted": 3, "constraints:max_params": 9.0}))
    assert only(shown).system_attrs == {"tpe:noted": 3}


def test_a_spec_outside_the_space_is_not_shown() -> None:
    shown = view()
    shown.add(record(0, accuracy=80.0), Proposal())
    shown.end(record(0, accuracy=80.0))
    assert shown.study.get_trials() == []


def test_an_asked_trial_is_tied_to_its_record() -> None:
    shown = view(("accuracy", "params"))
    shown.add(record(0, accuracy=80.0), proposal(0.25))
    asked = shown.ask(optuna.samplers.RandomSampler(seed=0))
    x, n = asked.suggest_float("x", 0.0, 1.0), asked.suggest_int("n", 2, 5)
    found = shown.proposal(asked)
    assert (found.params, found.distributions) == ({"x": x, "n": n}, {"x": X, "n": IntDistribution(2, 5)})
    shown.keep(asked, record(12, "running"))
    first, second = shown.study.get_trials()
    assert (first.values, second.state) == ([80.0, 1500.0], TrialState.RUNNING)
    shown.end(record(12, accuracy=70.0))
    assert shown.study.get_trials()[1].values == [70.0, 1500.0]
    kept = shown.ask(optuna.samplers.RandomSampler(seed=1))
    shown.keep(kept, record(13, "rejected"))
    assert shown.study.get_trials()[2].values == [0.0, 1500.0]


def test_the_sampler_that_is_asked_is_the_given_one() -> None:
    shown = view()
    values = []
    for seed in (3, 3, 4):
        values.append(shown.ask(optuna.samplers.RandomSampler(seed=seed)).suggest_float("x", 0.0, 1.0))
    assert values[0] == values[1] != values[2]


def test_what_a_sampler_keeps_goes_from_process_to_process() -> None:
    shown = view(**{"qmc:rotation": 5})
    assert shown.memory() == {"qmc:rotation": 5}
    note(shown.study, "qmc:other", [1])
    assert view(**shown.memory()).memory() == {"qmc:rotation": 5, "qmc:other": [1]}
    asked = shown.ask(optuna.samplers.RandomSampler(seed=0))
    assert shown.proposal(asked) == Proposal()


def test_what_a_sampler_notes_on_a_trial_belongs_to_the_proposal() -> None:
    class Noting(optuna.samplers.RandomSampler):
        def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
            study._storage.set_trial_system_attr(trial._trial_id, "noted", 3)

    shown = view()
    assert shown.proposal(shown.ask(Noting())).notes == {"noted": 3}


@pytest.mark.parametrize("cut_from", [None, 0.0, 1200.0])
@pytest.mark.parametrize("init", ["scratch", "backbone"])
@pytest.mark.parametrize("asked", [False, True])
def test_how_a_model_starts_is_shown_as_long_as_it_runs_and_after(
    cut_from: float | None, init: Any, asked: bool
) -> None:
    shown = SamplerView(("accuracy", "params"), Limits(), {}, cut_from)
    assert shown.study.user_attrs == ({} if cut_from is None else {CUT_FROM: cut_from})
    begun = replace(record(3, "running"), spec=replace(SPEC, recipe=Recipe(init=init)))
    if asked:
        trial = shown.ask(optuna.samplers.RandomSampler(seed=0))
        trial.suggest_float("x", 0.0, 1.0)
        shown.keep(trial, begun)
    else:
        shown.add(begun, proposal())
    told = {} if cut_from is None else {CUT_OUT: init == "backbone"}
    assert only(shown).user_attrs == told and only(shown).state == TrialState.RUNNING
    shown.end(replace(begun, state="complete", accuracy=80.0))
    assert only(shown).user_attrs == told and only(shown).values == [80.0, 1500.0]
    assert shown.memory() == {}
