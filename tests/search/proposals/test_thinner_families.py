"""Thinner nets picked by hand whose layers are all of a family for which channels set the size."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from spaces import bind_backbone, load_space

from lcsearch.core.records import THINNER
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.nets import surgery
from lcsearch.nets.sizer import Sizer
from lcsearch.runs.settings import RunSettings
from lcsearch.search.planner import Planner
from lcsearch.search.proposals.handpicked import hand_picked, known_good
from lcsearch.search.proposals.plan import Candidate
from lcsearch.search.space import BoundSpace

KINDS = ["conv", "linear", "separable"]


def of_families(name: str, kinds: list[str] = KINDS, **more: object) -> BoundSpace:
    """The net's own space, its layers of these kinds where they have a choice."""
    rules = load_space(None, name).to_plain()["layers"]
    layers = {
        pattern: rule | more | {"kind": rule["kind"] if rule["kind"] == ["conv"] else kinds}
        for pattern, rule in rules.items()
    }
    return bind_backbone(name, 1, layers=layers)


def built_params(spec: ModelSpec) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in surgery.build_model(spec).parameters())


def of_origin(picked: list[Candidate], origin: str) -> list[ModelSpec]:
    return [one.spec.model for one in picked if one.origin == origin]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["base", "resnet18"])
def test_they_are_of_one_term_and_as_large_as_the_thinner_nets(name: str) -> None:
    bound = of_families(name)
    picked = hand_picked(bound)
    found, plain = of_origin(picked, "uniform thinner"), of_origin(picked, "thinner")
    sizes = [built_params(model) for model in found]
    assert sizes == pytest.approx([built_params(model) for model in plain[: len(found)]], rel=0.06)
    assert len(found) == 3, "with all channels about an eighth of the parameters is left"
    allowed = {
        shape_name
        for shape_name, shape in bound.shapes(bound.thinning.full).items()
        if shape.kernel != (1, 1) and shape_name in bound.searched_layers
    }
    for model in found:
        assert set(model.layers) == allowed and set(model.layers.values()) == {SeparableSpec(1)}
        kept = bound.thinning.counts(model.channels)
        ends = [
            ((own - 4) / size, (own + 4) / size) for own, size in zip(kept, bound.thinning.full, strict=True)
        ]
        assert max(low for low, _ in ends) <= min(high for _, high in ends), "one share, in steps of 8"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("vgg11", 3), ("base", 1)])
def test_a_search_from_scratch_starts_with_some_below_its_rivals(name: str, count: int) -> None:
    """In steps of 2.5 from the smallest rival, 1/32 of `vgg11` and of `base`, down to the end of a space."""
    bound = of_families(name)
    whole, found = built_params(bound.template), known_good(bound)
    assert len(found) == count
    for place, one in enumerate(found, start=1):
        assert one.origin == "given" and one.label.startswith("thinner separable, channels 0.")
        assert one.spec.recipe == Recipe() and bound.encode(one.spec) is not None
        assert {*one.spec.model.layers.values()} == {SeparableSpec(1)}
        most = whole / 32 / 2.5**place
        assert 0.8 * most <= built_params(one.spec.model) <= most


def test_a_search_can_learn_from_them_and_their_labels_say_what_they_are() -> None:
    bound = of_families("base")
    found = [one for one in hand_picked(bound) if one.origin == "uniform thinner"]
    assert all(bound.encode(one.spec) is not None for one in found)
    assert found[0].label == "thinner separable, channels 0.39"


def test_they_are_in_place_of_one_share_for_all_and_of_what_is_cut_out() -> None:
    picked = [one.origin for one in hand_picked(of_families("base"))]
    assert picked == ["baseline", *THINNER * 3, "thinner", *("thinner cut", "uniform") * 2]
    assert "uniform thinner" not in {
        one.origin for one in hand_picked(bind_backbone("base", 1, layers=LINEAR))
    }


def test_where_they_reach_all_sizes_the_largest_thinner_net_trains_from_scratch_too() -> None:
    picked = [one.origin for one in hand_picked(of_families("base"), limit=50_000)]
    assert picked == ["baseline", *THINNER * 5]


LINEAR = {"*": {"kind": ["conv", "linear"], "channels": {"low": 0.25, "high": 1.0}}}


def test_where_no_channels_go_there_is_a_share_for_all_of_each_family() -> None:
    bound = of_families("base", channels=1.0, pointwise=["full", "low_rank"])
    picked = [one for one in hand_picked(bound) if one.origin == "uniform"]
    kinds = [{layer.family for layer in one.spec.model.layers.values()} for one in picked]
    assert {"linear"} in kinds and {"separable"} in kinds
    assert not of_origin(hand_picked(bound), "uniform thinner")
    sizes = [built_params(one.spec.model) for one in picked if "separable" in one.label]
    whole = built_params(bound.plain())
    assert sizes == pytest.approx([whole / parts for parts in (16, 8, 4, 2)], rel=0.03)


def test_they_are_trained_as_thinner_nets_are() -> None:
    settings = RunSettings(
        "base", "digits", init="trained", recipe=Recipe(epochs=3),
        fine_tune=Recipe(epochs=2, init="backbone", distill=0.5),
    )  # fmt: skip
    planner = Planner(of_families("base"), settings, 1000, (), lambda model: None)  # type: ignore[arg-type,return-value]
    recipes = {one.origin: one.spec.recipe for one in planner.planned()}
    assert recipes["uniform thinner"] == recipes["thinner"] == replace(Recipe(epochs=5), distill=0.5)
    early = {one.origin for one in planner._without_backbone()}
    assert early == {"baseline"}, "they learn from the backbone"
    alone = replace(settings, fine_tune=replace(settings.fine_tune, distill=0.0))
    planner = Planner(of_families("base"), alone, 1000, (), lambda model: None)  # type: ignore[arg-type,return-value]
    assert {one.origin for one in planner._without_backbone()} == {"baseline", *THINNER}


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "count"), [(60, 3), (22, 2), (20, 0)])
def test_beside_the_backbone_the_smallest_below_the_rivals_come_first(trials: int, count: int) -> None:
    """Eleven rivals, the backbone and eight models that lose the least come to 20."""
    settings = RunSettings(
        "vgg11", "digits", init="trained", trials=trials, jobs=4, threads_alone=0, scratch_below=1 / 8,
        recipe=Recipe(epochs=3), fine_tune=Recipe(epochs=2, init="backbone", distill=0.5),
    )  # fmt: skip
    bound = of_families("vgg11")
    planner = Planner(bound, settings, 1000, (), Sizer((1, 32, 32)), lambda start, progress: ())
    found = planner._without_backbone()[1:]
    assert [one.spec.recipe for one in found] == [Recipe(epochs=5)] * count
    sizes = sorted(built_params(one.spec.model) for one in known_good(bound))
    assert [built_params(one.spec.model) for one in found] == sizes[:count]
    assert all(one.meanwhile and one.proposal.params for one in found)
