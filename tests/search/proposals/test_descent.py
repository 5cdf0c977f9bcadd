"""Models that promise to lose the least where channels may go, against all that can be combined."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from spaces import bind_backbone, thin_backbone

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.compress.thin_sensitivity import ChannelRow
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families import linear
from lcsearch.nets.count import count
from lcsearch.nets.surgery import build_model
from lcsearch.search.proposals.descent import best_seen, counts_to_measure
from lcsearch.search.proposals.guided import best_for_budgets, log_spaced
from lcsearch.search.space import BoundSpace

pytestmark = pytest.mark.slow

ALPHAS = (0.5, 0.25, 0.125)


def bound(granularity: str = "layer", **rule: Any) -> BoundSpace:
    channels = {"low": 0.125, "high": 1.0, "log": True}
    every = {"kind": ["conv", "linear"], "channels": channels, "coefficients": ["full"]} | rule
    return bind_backbone("base", 1, granularity=granularity, layers={"*": every}, min_share=0.0)


def measured(space: BoundSpace, seed: int = 0) -> Sensitivity:
    """Each cut loses more the more it takes."""
    draw = random.Random(seed)
    rows = [
        Row(name, way, loss=0.0, accuracy=0.0, divergence=draw.uniform(0.5, 1.0) * (1 / way.spec.alpha - 1))
        for name, shape in space.shapes(space.thinning.full).items()
        if name in space.searched_layers
        for way in linear.FAMILY.ways_of(shape, ALPHAS, ())
    ]
    channels = [
        ChannelRow(name, kept, space.thinning.found[name].size, 0, 0.0, 0.0, lost)
        for name, own in counts_to_measure(space.thinning).items()
        for kept in own
        for lost in [draw.uniform(0.5, 1.0) * (space.thinning.found[name].size / kept - 1)]
    ]
    return Sensitivity(0.0, 100.0, 1, tuple(rows), tuple(channels))


def lost(model: ModelSpec, space: BoundSpace, found: Sensitivity) -> float:
    """The sum of what was measured of a model's cuts; of a thinner layer's alpha, that of the whole layer."""
    kept = space.thinning.found.kept(model.channels)
    total = sum(row.divergence for row in found.channels if kept[row.group] == row.kept)
    for name, layer in model.layers.items():
        total += min(
            (abs(row.way.spec.alpha - layer.alpha), row.divergence) for row in found.rows if row.layer == name
        )[1]
    return total


def built(model: ModelSpec) -> int:
    return count(build_model(model), (1, 32, 32)).params


@pytest.mark.parametrize("granularity", ["layer", "stage", "network"])
def test_models_are_in_the_space_and_within_their_budgets(granularity: str) -> None:
    space = bound(granularity)
    whole = space.params(space.plain())
    budgets = [whole // 2, whole // 8, whole // 30]
    models = best_seen(measured(space), space, budgets)
    assert len(models) == 3
    for model, budget in zip(models, budgets, strict=True):
        assert space.canonical(model) == model and space.encode(TrialSpec(model)) is not None
        assert built(model) == space.params(model) <= budget
    assert models[-1].channels


@pytest.mark.parametrize("seed", range(4))
def test_each_model_can_be_cut_out_of_the_one_before(seed: int) -> None:
    space = bound()
    budgets = log_spaced(space.params(space.smallest()), space.params(space.plain()), 8)
    models = best_seen(measured(space, seed), space, budgets)
    kept = [space.thinning.found.kept(model.channels) for model in models]
    for before, after in itertools.pairwise(kept):
        assert all(after[name] <= before[name] for name in before)


def every_model(space: BoundSpace, found: Sensitivity) -> Iterator[tuple[int, float]]:
    """Size and loss of all that can be combined of what was measured."""
    groups = space.thinning.groups
    counts = [
        [group.size, *(row.kept for row in found.channels if row.group == group.name)] for group in groups
    ]
    losses = {(row.group, row.kept): row.divergence for row in found.channels}
    ways = [[None, *(row for row in found.rows if row.layer == name)] for name in space.searched_layers]
    for kept in itertools.product(*counts):
        names = [group.name for group in groups]
        thin = sum(losses.get(one, 0.0) for one in zip(names, kept, strict=True))
        channels = space.thinning.found.channels(dict(zip(names, kept, strict=True)))
        for chosen in itertools.product(*ways):
            layers = {row.layer: linear.LinearSpec(row.way.spec.alpha) for row in chosen if row is not None}
            model = space.canonical(ModelSpec("base", 10, 1, 1.0, layers, channels, (32, 32)))
            assert model is not None
            yield space.params(model), thin + sum(row.divergence for row in chosen if row is not None)


@pytest.mark.parametrize("seed", range(3))
def test_they_lose_little_more_than_the_best_of_all(seed: int) -> None:
    """Of 5^4 times 4^2 models; the way down is greedy, so that it may miss the best."""
    space = bind_backbone(
        "base", 1, min_share=0.0, layers={
            "features.8": {"kind": ["conv", "linear"], "channels": {"low": 0.125, "high": 1.0}},
            "features.12": {"kind": ["conv", "linear"], "channels": {"low": 0.125, "high": 1.0}},
            "*": {"kind": ["conv"], "channels": {"low": 0.125, "high": 1.0}},
        },
    )  # fmt: skip
    found = measured(space, seed)
    every = list(every_model(space, found))
    whole = space.params(space.plain())
    budgets = [whole // share for share in (2, 4, 8, 16, 32)]
    for model, budget in zip(best_seen(found, space, budgets), budgets, strict=True):
        best = min(loss for size, loss in every if size <= budget)
        assert best - 1e-9 <= lost(model, space, found) <= 1.25 * best


def test_what_costs_nothing_goes_first_and_what_costs_most_last() -> None:
    space = bound()
    found = measured(space)
    free = tuple(
        ChannelRow(row.group, row.kept, row.size, 0, 0.0, 0.0, 0.0 if row.group == "features.8" else 50.0)
        for row in found.channels
    )
    (model,) = best_seen(
        Sensitivity(0.0, 100.0, 1, found.rows, free), space, [space.params(space.plain()) // 4]
    )
    assert list(model.channels) == ["features.8"] and model.channels["features.8"] == 0.125


def test_only_what_the_space_allows_is_measured() -> None:
    counts = counts_to_measure(bound(channels={"low": 0.3, "high": 0.8}, round_to=8).thinning)
    assert counts["features.12"] == [208, 192, 128, 80], "0.8 of 256 channels is 204.8, 0.3 is 76.8"
    assert counts["features.0"] == [24, 16, 8]
    assert (
        counts_to_measure(bind_backbone("base", 1, layers={"*": {"kind": ["conv", "linear"]}}).thinning) == {}
    )


def test_groups_that_share_a_choice_are_measured_each_at_its_count() -> None:
    space = thin_backbone("resnet18", 1, granularity="network")
    assert len(space.thinning.choices) == 1
    found = counts_to_measure(space.thinning)
    assert set(found) == {group.name for group in space.thinning.groups}
    for group in space.thinning.groups:
        assert [count / group.size for count in found[group.name]][:4] == [0.75, 0.5, 0.25, 0.125]


def test_a_group_that_was_not_measured_keeps_its_channels() -> None:
    space = bound()
    found = measured(space)
    some = tuple(row for row in found.channels if row.group != "features.4")
    budget = space.params(space.plain()) // 20
    (model,) = best_seen(Sensitivity(0.0, 100.0, 1, found.rows, some), space, [budget])
    assert model.channels and "features.4" not in model.channels


def test_budgets_that_nothing_meets_get_no_model() -> None:
    space = bound()
    assert best_seen(measured(space), space, [10]) == []


def test_without_channels_it_is_near_the_knapsack() -> None:
    """Greedy, against the exact best where nothing depends on anything else."""
    space = bind_backbone("base", 1, layers={"*": {"kind": ["conv", "linear"], "coefficients": ["full"]}})
    found = measured(space)
    budgets = [200_000, 100_000, 60_000]
    pairs = zip(best_seen(found, space, budgets), best_for_budgets(found, space, budgets), strict=True)
    for greedy, exact in pairs:
        assert lost(exact, space, found) <= lost(greedy, space, found) <= 1.25 * lost(exact, space, found)
