from __future__ import annotations

from functools import cache

import pytest
import torch

from lcsearch.core.spec import ModelSpec
from lcsearch.nets import surgery
from lcsearch.nets.channels import groups_of
from lcsearch.search.proposals.handpicked import hand_picked, known_good
from lcsearch.search.space import BoundSpace, bind, load_space, parse_space

pytestmark = pytest.mark.slow


@cache
def shipped(name: str, channels: int = 3) -> BoundSpace:
    return bound_to(name, channels)


def bound_to(name: str, channels: int = 3, **more: object) -> BoundSpace:
    template = ModelSpec(name, 10, channels)
    with torch.device("meta"):
        model = surgery.build_model(template)
    space = load_space(None, name).to_plain()
    for rule in space["layers"].values():  # tests/search/proposals/test_thinner_families.py has these
        rule["kind"] = [kind for kind in rule["kind"] if kind != "separable"]
    space |= more
    return bind(parse_space(space, "f"), model, template)


def built_params(spec: ModelSpec) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in surgery.build_model(spec).parameters())


def rivals(bound: BoundSpace, limit: int | None = None) -> dict[str, list[ModelSpec]]:
    """The models of each kind, in the order in which they are tried."""
    found: dict[str, list[ModelSpec]] = {}
    for one in hand_picked(bound, limit):
        found.setdefault(one.origin, []).append(one.spec.model)
    return found


@pytest.mark.parametrize("name", ["base", "vgg11", "mobilenetv2"])
def test_all_kinds_have_the_same_sizes_small_ones_first(name: str) -> None:
    bound = shipped(name)
    found = rivals(bound)
    assert found.pop("baseline") == [ModelSpec(name, 10, 3)]
    assert list(found) == ["thinner", "thinner cut", "uniform"]
    assert found["thinner"] == found["thinner cut"][:-1]
    whole = built_params(ModelSpec(name, 10, 3))
    sizes = [whole / 2**halvings for halvings in (5, 4, 3, 2, 1)]
    reached = [size for size in sizes if size * 2**0.5 >= built_params(bound.smallest())]
    assert len(found["thinner cut"]) == len(reached)
    for models in (found["thinner cut"], found["uniform"]):
        own = reached[-len(models) :]  # one share for all layers does not come near the smallest sizes
        assert [built_params(model) for model in models] == pytest.approx(own, rel=0.05)
        assert all(built_params(model) <= size for model, size in zip(models, own, strict=True))
    assert not any(model.layers for model in found["thinner"])
    assert not any(model.channels for model in found["uniform"])


def test_where_nothing_is_cut_out_thinner_nets_train_from_scratch_at_all_sizes() -> None:
    bound = shipped("base")
    found = [one for one in hand_picked(bound, cut_out=False) if one.origin.startswith("thinner")]
    assert [one.spec.model for one in found] == rivals(bound)["thinner cut"]
    assert {one.origin for one in found} == {"thinner"}


def test_all_channels_of_a_thinner_net_have_one_share() -> None:
    """A thinner net of a quarter of the parameters has about half of the channels, which its label says."""
    quarter = next(one for one in hand_picked(shipped("vgg11")) if one.label == "thinner, channels 0.5")
    groups = groups_of(quarter.spec.model)
    kept = groups.kept(quarter.spec.model.channels)
    assert all(kept[group.name] == pytest.approx(group.size * 0.499, abs=1) for group in groups.groups)
    assert built_params(quarter.spec.model) == pytest.approx(
        built_params(ModelSpec("vgg11", 10, 3)) / 4, rel=0.02
    )


def test_at_each_size_the_kinds_come_together() -> None:
    labels = [one.label for one in hand_picked(shipped("vgg11"))]
    assert labels[0] == "plain backbone"
    assert labels[-5:] == [
        *("thinner, channels 0.5", "thinner, cut out, channels 0.5", "uniform alpha 0.23"),
        *("thinner, cut out, channels 0.7", "uniform alpha 0.47"),
    ]


def test_under_a_limit_the_largest_size_is_the_limit() -> None:
    found = rivals(shipped("vgg11"), limit=1_000_000)
    for kind in ("thinner cut", "uniform"):
        sizes = [built_params(model) for model in found[kind]]
        assert sizes == sorted(sizes) and 950_000 < sizes[-1] <= 1_000_000
        assert sizes[-2] == pytest.approx(500_000, rel=0.05)


def test_a_limit_above_half_of_the_backbone_changes_nothing() -> None:
    bound = shipped("base")
    assert rivals(bound, limit=300_000) == rivals(bound)


def test_a_kind_that_does_not_come_near_a_size_is_left_out_there() -> None:
    """Without most of the last layer more than a quarter of the net is left."""
    bound = bound_to("base", layers={"features.12": {"kind": ["conv", "linear"]}})
    found = rivals(bound)
    whole = built_params(bound.plain())
    for model in found.get("uniform", []):
        assert set(model.layers) == {"features.12"} and built_params(model) > whole / 4


def test_a_space_that_does_not_go_far_has_rivals_of_half_the_size() -> None:
    bound = bound_to("base", layers={"features.0": {"kind": ["conv", "linear"], "alpha": 0.5}}, min_share=0.0)
    assert [built_params(model) for model in rivals(bound)["thinner"]] == pytest.approx([200_000], rel=0.03)


def test_what_a_space_keeps_plain_stays_plain() -> None:
    bound = bound_to("vgg11", layers={"features.4": {"kind": ["conv"]}, "*": {"kind": ["conv", "linear"]}})
    assert all("features.4" not in model.layers for model in rivals(bound)["uniform"])


def test_where_channels_are_searched_thinner_nets_are_in_the_space() -> None:
    rule = {"kind": ["conv", "linear"], "channels": {"low": 0.125, "high": 1.0}}
    bound = bound_to("vgg11", layers={"*": rule})
    thinner = [one for one in hand_picked(bound) if one.origin == "thinner cut"]
    assert len(thinner) == 5
    assert all(bound.encode(one.spec) is not None for one in thinner)


def test_a_space_without_choices_has_thinner_nets_all_the_same() -> None:
    bound = bound_to("base", layers={"*": {"kind": "conv"}})
    assert set(rivals(bound)) == {"baseline", "thinner", "thinner cut"}
    assert known_good(bound) == []


@pytest.mark.parametrize(
    "name", ["base", "vgg11", "allconv", "resnet18", "squeezenet", "torchvision:resnet18"]
)
def test_known_good_shapes_lie_in_the_space_early_plain_and_deep_thin(name: str) -> None:
    bound = shipped(name)
    order = list(bound.shapes(bound.thinning.full))
    shapes = known_good(bound)
    assert shapes
    for one in shapes:
        assert bound.encode(one.spec) is not None
        assert order[0] not in one.spec.model.layers
        assert built_params(one.spec.model) < 0.4 * built_params(bound.template)


def test_vgg11_as_it_was_guessed_by_hand() -> None:
    """Alphas 1, 1, 1, 1, then 1/16: about 1.55 M parameters."""
    best = known_good(shipped("vgg11", channels=1))[0].spec.model
    assert list(best.layers) == ["features.15", "features.18", "features.22", "features.25"]
    assert built_params(best) == pytest.approx(1.55e6, rel=0.005)
