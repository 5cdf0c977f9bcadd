"""The way down from the backbone against one that weighs every cut anew at each step."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import pytest
from spaces import bind_backbone

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.compress.thin_sensitivity import ChannelRow
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families import linear
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.search.proposals.descent import best_seen
from lcsearch.search.space import BoundSpace

THIN, LAYER = ("features.4", "features.12"), "features.8"
KEPT = (0.75, 0.5, 0.25, 0.125)
ALPHAS = (0.5, 0.25, 0.125)


@cache
def bound() -> BoundSpace:
    """Two groups of channels, and one layer between them that may be linear."""
    thin = {"kind": "conv", "channels": {"low": 0.125, "high": 1.0}}
    layers = dict.fromkeys(THIN, thin) | {
        LAYER: {"kind": ["conv", "linear"], "alpha": {"low": 0.1, "high": 1.0}, "coefficients": ["full"]}
    }
    return bind_backbone("base", 1, min_share=0.0, layers={**layers, "*": {"kind": "conv"}})


class Cut(NamedTuple):
    """What is left of one of the three, as a share, and what that loses."""

    left: float
    loss: float


Cuts = dict[str, list[Cut]]
"""By name, the whole one first, the smallest last."""


def cuts(seed: int) -> Cuts:
    """Some lose more than smaller ones do."""
    draw = random.Random(seed)
    return {
        name: [Cut(1.0, 0.0), *(Cut(left, draw.uniform(0.1, 2.0)) for left in own)]
        for name, own in ((THIN[0], KEPT), (THIN[1], KEPT), (LAYER, ALPHAS))
    }


def measured(found: Cuts) -> Sensitivity:
    """As it is measured."""
    sizes = {name: bound().thinning.found[name].size for name in THIN}
    channels = [
        ChannelRow(name, round(cut.left * sizes[name]), sizes[name], 0, 0.0, 0.0, cut.loss)
        for name in THIN
        for cut in found[name][1:]
    ]
    shape = bound().shapes(bound().thinning.full)[LAYER]
    losses = {cut.left: cut.loss for cut in found[LAYER]}
    rows = [
        Row(LAYER, way, 0.0, 0.0, losses[way.spec.alpha]) for way in linear.FAMILY.ways_of(shape, ALPHAS, ())
    ]
    return Sensitivity(0.0, 100.0, 1, tuple(rows), tuple(channels))


Chosen = tuple[Cut, ...]
"""One cut for each of the three."""


@cache
def params(left: tuple[float, ...]) -> int:
    channels = {name: share for name, share in zip(THIN, left, strict=False) if share < 1}
    layers = {} if left[-1] == 1 else {LAYER: LinearSpec(left[-1])}
    plain = bound().plain()
    size = (32, 32) if channels else plain.image_size
    model = bound().canonical(replace(plain, channels=channels, layers=layers, image_size=size))
    assert model is not None
    return bound().params(model)


def size(chosen: Chosen) -> int:
    return params(tuple(cut.left for cut in chosen))


def lost(chosen: Chosen) -> float:
    return sum(cut.loss for cut in chosen)


def sensible(found: Cuts) -> Cuts:
    """Without those that lose no less than a smaller one does."""
    return {
        name: [cut for place, cut in enumerate(own) if all(cut.loss < one.loss for one in own[place + 1 :])]
        for name, own in found.items()
    }


def way_down(found: Cuts) -> Iterator[Chosen]:
    """From the whole net on, each time by the cut that loses least for each parameter that it saves."""
    own = [*found.values()]
    now: Chosen = tuple(cuts[0] for cuts in own)
    while True:
        yield now
        further = [
            (*now[:at], cut, *now[at + 1 :])
            for at, cuts in enumerate(own)
            for cut in cuts
            if cut.left < now[at].left
        ]
        smaller = [one for one in further if size(one) < size(now)]
        if not smaller:
            return
        now = min(smaller, key=lambda one: (lost(one) - lost(now)) / (size(now) - size(one)))


def chosen_of(model: ModelSpec, found: Cuts) -> Chosen:
    """What a model has of each."""
    alpha = model.layers[LAYER].alpha if LAYER in model.layers else 1.0
    left = (*(model.channels.get(name, 1.0) for name in THIN), alpha)
    return tuple(
        next(cut for cut in own if cut.left == share) for own, share in zip(found.values(), left, strict=True)
    )


def budgets() -> list[int]:
    whole = params((1.0, 1.0, 1.0))
    return [whole + 1, whole, whole - 1, *(round(whole * 0.8**step) for step in range(1, 9))]


@pytest.mark.parametrize("seed", range(6))
def test_a_model_loses_no_more_than_the_way_down_does(seed: int) -> None:
    found = cuts(seed)
    path = list(way_down(sensible(found)))
    for budget in budgets():
        models = best_seen(measured(found), bound(), [budget])
        fitting = [one for one in path if size(one) <= budget]
        assert len(models) == 1 or not fitting
        for model in models:
            chosen = chosen_of(model, found)
            assert size(chosen) == bound().params(model) <= budget
            assert lost(chosen) <= min(map(lost, fitting), default=10) + 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_a_budget_has_room_for_is_cut(seed: int) -> None:
    """No one of the three can be left larger at less loss; nor larger than it was for the budget before."""
    found, asked = cuts(seed), budgets()[2:]
    models = best_seen(measured(found), bound(), asked)
    above: Chosen = tuple(own[0] for own in found.values())
    for model, budget in zip(models, asked, strict=True):
        now = chosen_of(model, found)
        assert all(now[at].left <= above[at].left for at in range(len(THIN)))
        for at, own in enumerate(found.values()):
            most = above[at].left if at < len(THIN) else 1.0
            better = [cut for cut in own if now[at].left < cut.left <= most and cut.loss < now[at].loss]
            assert all(size((*now[:at], cut, *now[at + 1 :])) > budget for cut in better)
        above = now


def test_budgets_that_nothing_meets_are_left_out() -> None:
    found, least = cuts(0), params((0.125, 0.125, 0.125))
    (model,) = best_seen(measured(found), bound(), [least, least - 1])
    assert bound().params(model) == least
