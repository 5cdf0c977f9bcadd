from __future__ import annotations

import pytest
import torch

from lcsearch.core.spec import ModelSpec
from lcsearch.nets import surgery
from lcsearch.search.proposals.handpicked import hand_picked, known_good
from lcsearch.search.space import BoundSpace, bind, load_space, parse_space


def bound_to(name: str, channels: int = 3, **more: object) -> BoundSpace:
    template = ModelSpec(name, 10, channels)
    with torch.device("meta"):
        model = surgery.build_model(template)
    space = load_space(None, name).to_plain() | more
    return bind(parse_space(space, "f"), model, template)


def built_params(spec: ModelSpec) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in surgery.build_model(spec).parameters())


@pytest.mark.parametrize("name", ["base", "vgg11", "mobilenetv2"])
def test_order_labels_and_sizes(name: str) -> None:
    picked = hand_picked(bound_to(name))
    assert [one.origin for one in picked] == ["baseline"] + ["uniform"] * 3 + ["thinner"] * 3
    assert [one.label for one in picked[:4]] == [
        "plain backbone",
        "uniform alpha 1/2",
        "uniform alpha 1/4",
        "uniform alpha 1/8",
    ]
    assert picked[0].spec.model == ModelSpec(name, 10, 3)
    for uniform, thinner in zip(picked[1:4], picked[4:], strict=True):
        assert thinner.spec.model.layers == {} and uniform.spec.model.channels == {}
        assert built_params(thinner.spec.model) == pytest.approx(built_params(uniform.spec.model), rel=0.05)


def test_uniform_alpha_is_the_published_size() -> None:
    """With every layer replaced, alpha 1/2 gives base 227,418 and vgg11 4,922,282 parameters.

    The first layer of vgg11 saves nothing (32·27 + 32·32 > 64·27), so here it stays plain.
    """
    for name, published in (("base", 227_418), ("vgg11", 4_922_282 - (32 * 27 + 32 * 32 - 64 * 27))):
        bound = bound_to(name, layers={"*": {"kind": "linear"}}, min_share=0.0)
        assert built_params(hand_picked(bound)[1].spec.model) == published


def test_hopeless_layers_stay_plain() -> None:
    half = hand_picked(bound_to("mobilenetv2"))[1].spec.model
    assert not [name for name in half.layers if "expand" in name], "above alpha 1/6 coefficients cost more"
    assert "blocks.16.project.0" in half.layers


def test_every_net_has_thinner_ones() -> None:
    thinner = [one for one in hand_picked(bound_to("torchvision:resnet18")) if one.origin == "thinner"]
    assert len(thinner) == 3 and all(one.spec.model.channels for one in thinner)


@pytest.mark.parametrize(
    ("target", "thin"),
    [(33_400, 33 / 64), (33_600, 34 / 64), (10, 1 / 64), (1_410, 1 / 64), (1_420, 2 / 64), (64_000, 1.0)],
)
def test_a_thinner_net_has_the_share_whose_size_is_nearest_as_a_ratio(target: int, thin: float) -> None:
    """Here a net has 1,000 parameters for each 64th of its 256 last channels."""
    bound = bound_to("base", layers={"*": {"kind": "linear"}})

    def count(spec: ModelSpec) -> int:
        return target if spec.layers else round(64_000 * spec.channels.get("features.12", 1.0))

    thinner = [one for one in hand_picked(bound, count) if one.origin == "thinner"]
    if thin == 1:
        assert thinner == [], "the backbone itself is there already"
        return
    assert [one.spec.model for one in thinner] == [bound.thinner(thin)]
    assert thinner[0].label == f"thinner, channels {thin:.3g}"


def test_nothing_is_picked_twice() -> None:
    bound = bound_to("base", layers={"*": {"kind": "conv"}})
    assert [one.origin for one in hand_picked(bound)] == ["baseline"]
    assert known_good(bound) == []


def test_where_channels_are_searched_thinner_nets_are_in_the_space() -> None:
    rule = {"kind": ["conv", "linear"], "channels": {"low": 0.125, "high": 1.0}, "round_to": 8}
    bound = bound_to("vgg11", layers={"*": rule})
    for one in hand_picked(bound):
        assert bound.encode(one.spec) is not None


@pytest.mark.parametrize(
    "name", ["base", "vgg11", "allconv", "resnet18", "squeezenet", "torchvision:resnet18"]
)
def test_known_good_shapes_lie_in_the_space_early_plain_and_deep_thin(name: str) -> None:
    bound = bound_to(name)
    order = list(bound.shapes(bound.thinning.full))
    shapes = known_good(bound)
    assert shapes
    for one in shapes:
        assert bound.encode(one.spec) is not None
        assert order[0] not in one.spec.model.layers
        assert built_params(one.spec.model) < 0.4 * built_params(bound.template)


def test_vgg11_as_it_was_guessed_by_hand() -> None:
    """Alphas 1, 1, 1, 1, then 1/16: about 1.55 M parameters."""
    best = known_good(bound_to("vgg11", channels=1))[0].spec.model
    assert list(best.layers) == ["features.15", "features.18", "features.22", "features.25"]
    assert built_params(best) == pytest.approx(1.55e6, rel=0.005)
