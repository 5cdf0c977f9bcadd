"""When planned models come, against counts by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_search import session

from lcsearch.core.records import EpochRecord, Origin, State, TrialRecord
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.runs.read import read_run
from lcsearch.search.history import History
from lcsearch.search.proposals.plan import Candidate, Plan


def candidate(place: int, origin: Origin = "thinner", *, can_wait: bool = True, epochs: int = 9) -> Candidate:
    model = ModelSpec("base", 10, 1, channels={"conv1": 1 - place / 1000})
    spec = TrialSpec(model, recipe=Recipe(epochs=epochs))
    return Candidate(origin, f"model {place}", spec, can_wait=can_wait)


def record(number: int, of: Candidate, epochs: int, state: State = "complete") -> TrialRecord:
    accuracy = 90.0 if of.origin == "baseline" else 80.0
    done = tuple(EpochRecord(epoch, accuracy, 1.0, 1.0, 1.0) for epoch in range(1, epochs + 1))
    return TrialRecord(number, state, of.origin, of.label, of.spec, 100, 0, (), accuracy, epochs=done)


def tried(plan: Plan, history: History, trials: int, costs: Sequence[int]) -> list[Origin]:
    """What is tried until so many trials are trained; what the sampler's own cost."""
    origins: list[Origin] = []
    for number in range(len(history), trials):
        found = plan.next(history) or candidate(500 - number, "sampler")
        took = costs[number % len(costs)] if found.origin == "sampler" else found.spec.recipe.epochs
        history.update(record(number, found, took))
        origins.append(found.origin)
    return origins


def test_rivals_take_an_eighth_of_the_epochs() -> None:
    first = [candidate(0, "baseline", can_wait=False), candidate(1, can_wait=False)]
    plan = Plan([*first, candidate(2), candidate(3), candidate(4)], 10**6, History())
    origins = tried(plan, History(), 70, [3])
    assert origins[:2] == ["baseline", "thinner"]
    # 9 of 72 epochs, 18 of 144 and 27 of 216: 18, 21 and 21 trials of 3 epochs between
    assert [number for number, origin in enumerate(origins) if origin == "thinner"] == [1, 20, 42, 64]
    assert not plan


def test_rivals_come_in_time_for_the_last_trials() -> None:
    first = [candidate(0, "baseline", can_wait=False), candidate(1, can_wait=False)]
    plan = Plan([*first, candidate(2), candidate(3)], 10, History())
    assert tried(plan, History(), 10, [3]) == ["baseline", "thinner", *["sampler"] * 6, "thinner", "thinner"]


@pytest.mark.parametrize(("state", "epochs", "due"), [("running", 1, False), ("pruned", 1, True)])
def test_a_trial_that_has_not_ended_counts_as_if_it_were_trained_to_its_end(
    state: State, epochs: int, due: bool
) -> None:
    """Of 16 epochs the rival has 1 or, if it goes on, 9 of 24."""
    history = History([record(0, candidate(0), epochs, state)])
    history.update(record(1, candidate(1, "baseline"), 15))
    assert (Plan([candidate(2)], 10**6, history).next(history) is not None) is due


def test_later_plans_come_first_and_what_is_recorded_is_left_out() -> None:
    history = History([record(0, candidate(3), 9)])
    plan = Plan([candidate(1, can_wait=False), candidate(2)], 1, history)
    plan.put_first([candidate(3), candidate(4, can_wait=False), candidate(5)], history)
    found = [plan.next(history) for _ in range(5)]
    assert [one and one.label for one in found] == ["model 4", "model 1", "model 5", "model 2", None]


def test_of_one_model_as_many_are_left_out_as_are_recorded() -> None:
    history = History([record(number, candidate(3), 9) for number in range(2)])
    another = replace(candidate(3), label="another")
    plan = Plan([candidate(3), candidate(3), candidate(3), another], 1, history)
    assert [plan.next(history) for _ in range(3)] == [candidate(3), another, None]


def test_thinner_nets_of_an_older_version_stand_for_those_of_this_one() -> None:
    """These had a width; what else is planned comes all the same."""
    old = replace(candidate(9), spec=TrialSpec(ModelSpec("base", 10, 1, width=0.5)))
    planned = [candidate(1), candidate(2, "uniform")]
    history = History([record(0, replace(old, origin="given"), 9)])
    assert Plan(planned, 1, history).next(history) == planned[0]
    history.update(record(1, old, 9))
    plan = Plan(planned, 1, history)
    assert plan
    assert [plan.next(history) for _ in range(2)] == [planned[1], None]
    assert not plan


@given(
    waits=st.lists(st.booleans(), max_size=12),
    more=st.integers(0, 30),
    costs=st.lists(st.integers(1, 9), min_size=1),
    cut=st.integers(0, 40),
)
def test_all_that_is_planned_is_tried_and_the_same_after_a_break(
    waits: Sequence[bool], more: int, costs: Sequence[int], cut: int
) -> None:
    planned = [candidate(place, can_wait=wait) for place, wait in enumerate(waits)]
    trials = len(planned) + more
    whole, parts = History(), History()
    tried(Plan(planned, trials, whole), whole, trials, costs)
    labels = [trial.label for trial in whole if trial.origin == "thinner"]
    assert sorted(labels) == sorted(one.label for one in planned)
    for wait in (False, True):
        own = [one.label for one in planned if one.can_wait is wait]
        assert [label for label in labels if label in own] == own
    tried(Plan(planned, trials, parts), parts, min(cut, trials), costs)
    tried(Plan(planned, trials, parts), parts, trials, costs)
    assert list(parts) == list(whole)


@pytest.mark.slow
def test_a_search_begins_with_the_smallest_rivals_and_ends_with_the_largest(tmp_path: Path) -> None:
    with session(tmp_path / "run", trials=24) as opened:
        assert opened.run() is None
    trials = read_run(tmp_path / "run").trials
    origins = [trial.origin for trial in trials]
    rivals = [trial for trial in trials if trial.origin in ("thinner", "uniform")]
    early, late = rivals[:2], rivals[2:]
    assert trials[1:3] == tuple(early) and {trial.origin for trial in trials[3:5]} == {"given", "sampler"}
    assert max(trial.params for trial in early) < min(trial.params for trial in late)
    assert [round(trial.params / 399_050, 1) for trial in late[-2:]] == [0.5, 0.5]
    assert trials[-1] == late[-1] and origins[5 : -len(late)].count("sampler") > 8
