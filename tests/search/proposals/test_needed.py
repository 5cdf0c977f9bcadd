"""Which planned models are trained at all: curves written down by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcsearch.core.records import EpochRecord, Origin, State, TrialRecord
from lcsearch.core.spec import LayerSpec, ModelSpec, Recipe, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.report.interpolate import curve_through
from lcsearch.report.points import Point
from lcsearch.search.history import History
from lcsearch.search.proposals.plan import Candidate, Plan

BACKBONE = 10**6


def rival(params: int, origin: Origin = "thinner", layer: LayerSpec | None = None) -> Candidate:
    layers, family = ({}, "plain") if layer is None else ({"features.4": layer}, layer.family)
    model = ModelSpec("base", 10, 1, layers=layers, channels={"conv1": params / BACKBONE})
    return Candidate(origin, f"{origin} {family} {params}", TrialSpec(model, recipe=Recipe(epochs=1)))


def record(number: int, of: Candidate, accuracy: float | None, state: State = "complete") -> TrialRecord:
    params = round(BACKBONE * of.spec.model.channels.get("conv1", 1.0))
    epochs = () if accuracy is None else (EpochRecord(1, accuracy, 1.0, 1.0, 1.0),)
    return TrialRecord(number, state, of.origin, of.label, of.spec, params, 0, (), accuracy, epochs=epochs)


def backbone(accuracy: float | None, state: State = "complete") -> TrialRecord:
    plain = Candidate("baseline", "plain", TrialSpec(ModelSpec("base", 10, 1)))
    return record(0, plain, accuracy, state)


def tried(plan: Plan, history: History, reached: Sequence[float]) -> list[str]:
    """What is tried one after the other; what it reaches."""
    labels = []
    for accuracy in reached:
        found = plan.next(history)
        if found is None:
            break
        history.update(record(history.next_number, found, accuracy))
        labels.append(found.label)
    return labels


SIZES = (100, 200, 400, 800)
THINNER = [rival(size) for size in SIZES]


@pytest.mark.parametrize(
    ("reached", "count"),
    [
        ([70.0, 80.0, 89.9, 95.0], 4),
        ([70.0, 90.0, 95.0, 95.0], 2),  # as accurate as the backbone
        ([91.0, 95.0, 95.0, 95.0], 1),
        ([70.0, 60.0, 90.5, 95.0], 3),
    ],
)
def test_of_a_kind_none_is_larger_than_one_as_accurate_as_the_backbone(
    reached: Sequence[float], count: int
) -> None:
    history = History([backbone(90.0)])
    labels = [one.label for one in THINNER]
    assert tried(Plan(THINNER, 100, history), history, reached) == labels[:count]


def test_each_kind_counts_for_itself() -> None:
    """Of thinner nets of two families too; what is not hand-picked is tried whatever was reached."""
    other = [rival(size, "uniform thinner", SeparableSpec(1)) for size in (100, 200)]
    third = [rival(size, "uniform thinner", LinearSpec(0.5)) for size in (100, 200)]
    guided = [rival(size, "sensitivity") for size in (100, 200)]
    planned = [*THINNER[:2], *other, *third, *guided]
    history = History([backbone(90.0)])
    found = tried(Plan(planned, 100, history), history, [80, 81, 91, 80, 80, 91, 91])
    left_out = other[1].label
    assert found == [one.label for one in planned if one.label != left_out]


def test_thinner_nets_cut_out_are_of_the_kind_of_those_from_scratch() -> None:
    """But not of that of one share for all layers, nor of thinner nets of a family."""
    cuts = [rival(size, "thinner cut") for size in SIZES]
    others = [rival(800, "uniform", LinearSpec(0.5)), rival(800, "uniform thinner", SeparableSpec(1))]
    planned = [THINNER[0], cuts[1], *others, cuts[2], THINNER[3]]
    labels = [one.label for one in planned]
    for reached, left_out in (([90, 80, 80], {1, 4, 5}), ([80, 90, 80, 80], {4, 5}), ([80] * 6, set[int]())):
        history = History([backbone(90.0)])
        found = tried(Plan(planned, 100, history), history, reached)
        assert found == [label for place, label in enumerate(labels) if place not in left_out][: len(reached)]


CUT_OUT = Recipe(epochs=1, init="backbone")


def proposed(params: int, recipe: Recipe, origin: Origin = "sensitivity") -> Candidate:
    one = rival(params, origin)
    return replace(one, spec=replace(one.spec, recipe=recipe))


SMALL = proposed(50, Recipe(epochs=1))
LARGE = [proposed(size, CUT_OUT) for size in (800, 400)]


@pytest.mark.parametrize("origin", ["sensitivity", "sampler"])
def test_what_losses_propose_is_not_cut_out_once_the_search_is_as_accurate(origin: Origin) -> None:
    """What the user gave is tried whatever was reached, and so are larger models from scratch."""
    others = [proposed(900, CUT_OUT, "given"), proposed(900, Recipe(epochs=1)), THINNER[0]]
    small = proposed(50, Recipe(epochs=1), origin)
    for reached, count in ((90.0, 3), (89.9, 5)):
        history = History([backbone(90.0), record(1, small, reached)])
        found = tried(Plan([*LARGE, *others], 100, history), history, [80.0] * 5)
        assert found == [one.label for one in [*LARGE, *others]][5 - count :]


GIVEN = proposed(900, Recipe(epochs=1), "given")


@pytest.mark.parametrize("of", [THINNER[0], LARGE[0], GIVEN, proposed(50, CUT_OUT, "sampler")])
def test_neither_hand_picked_given_nor_cut_out_models_stand_for_those_from_scratch(of: Candidate) -> None:
    """A given one may be larger than what is to be cut out."""
    history = History([backbone(90.0), record(1, of, 99.0)])
    assert Plan(LARGE[1:], 100, history).next(history) == LARGE[1]


def test_while_a_model_from_scratch_is_in_training_others_come_before_what_is_cut_out() -> None:
    history = History([backbone(90.0), record(1, SMALL, None, "running")])
    plan = Plan([*LARGE, THINNER[0]], 100, history)
    assert plan.next(history) == THINNER[0]
    history.update(record(2, THINNER[0], 80.0))
    assert plan.next(history) is None and plan
    history.update(record(1, SMALL, 89.0))
    assert [plan.next(history), plan.next(history)] == LARGE


def test_while_a_smaller_one_is_in_training_something_else_comes_first() -> None:
    cut = rival(400, "uniform", LinearSpec(0.5))
    history = History([backbone(90.0)])
    plan = Plan([*THINNER[:2], cut, THINNER[2]], 5, history)
    first = plan.next(history)
    assert first == THINNER[0]
    history.update(record(1, first, None, "running"))
    assert plan.next(history) == cut
    history.update(record(2, cut, 80.0))
    assert plan.next(history) == THINNER[1]  # two trials are left for the two
    history = History([backbone(90.0), record(1, first, None, "running")])
    patient = Plan(THINNER[:2], 5, history)
    assert patient.next(history) is None and patient
    history.update(record(1, first, 90.0))
    assert patient.next(history) is None and not patient


def test_until_the_backbone_has_an_accuracy_all_are_needed() -> None:
    history = History([backbone(None, "running"), record(1, THINNER[0], 99.0)])
    plan = Plan(THINNER, 100, history)
    assert plan.next(history) == THINNER[1]
    history.update(backbone(90.0))
    assert plan.next(history) is None and not plan


def test_models_that_can_wait_are_left_out_too() -> None:
    waiting = [replace(one, can_wait=True) for one in THINNER]
    history = History([backbone(90.0), record(1, THINNER[0], 91.0)])
    plan = Plan(waiting, 4, history)
    assert plan.next(history) is None and not plan


@given(
    accuracies=st.lists(st.floats(60, 99), min_size=4, max_size=4),
    drop=st.floats(0, 20),
)
def test_what_is_left_out_changes_no_size_that_a_report_compares(
    accuracies: list[float], drop: float
) -> None:
    """The least size at which the kind is so many points below the backbone, or not below it at all."""
    history = History([backbone(90.0)])
    tried(Plan(THINNER, 100, history), history, accuracies)
    end = Point(0, 90.0, BACKBONE, 0)
    all_of_them = [
        Point(number, accuracy, size, 0)
        for number, (size, accuracy) in enumerate(zip(SIZES, accuracies, strict=True), 1)
    ]
    trained = [point for point in all_of_them if point.trial < len(history)]
    curves = [curve_through([*points, end]) for points in (all_of_them, trained)]
    needed = [curve and curve.needed(90.0 - drop) for curve in curves]
    assert needed[0] == needed[1]
