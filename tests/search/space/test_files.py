from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec, ModelSpec, TrialSpec
from lcsearch.core.yaml import parse_yaml
from lcsearch.nets import surgery
from lcsearch.nets.replaceable import conv_layers
from lcsearch.search.space import BoundSpace, bind, load_space, parse_space, space_names, space_path, to_yaml

pytestmark = pytest.mark.slow

NAMES = plugins.names(plugins.BACKBONE)

SHIPPED = [name for name in space_names() if name != "generic"]
TORCHVISION = ["torchvision:resnet18", "torchvision:mobilenet_v2"]


@cache
def bound_to(name: str, text: str | None = None) -> BoundSpace:
    template = ModelSpec(name, 10, 3)
    with torch.device("meta"):
        model = surgery.build_model(template)
    space = load_space(None, name) if text is None else parse_space(parse_yaml(text, "f"), "f")
    return bind(space, model, template)


def test_spaces_are_of_backbones_and_there_is_one_for_all_others() -> None:
    assert len(SHIPPED) == 9 and set(SHIPPED) <= set(NAMES)
    for name in NAMES:
        assert load_space(None, name).backbone == (name if name in SHIPPED else "*")
    assert load_space(None, "my.nets:build").backbone == "*"


@pytest.mark.parametrize("name", [*SHIPPED, *TORCHVISION])
def test_a_shipped_space_holds_the_backbone_and_a_much_smaller_model(name: str) -> None:
    bound = bound_to(name)
    plain = bound.template
    assert bound.params(bound.smallest()) < 0.15 * bound.params(plain)
    assert bound.largest() == plain
    assert bound.encode(TrialSpec(plain)) is not None
    assert next(iter(bound.shapes(bound.thinning.full))) not in bound.searched_layers, (
        "the first layer stays plain"
    )
    assert all(isinstance(layer, LayerSpec) for layer in bound.smallest().layers.values())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=pytest.mark.long if name == "resnet56" else ()
        )  # resnet32 has the same blocks
        for name in (*SHIPPED, *TORCHVISION)
    ],
)
def test_the_written_space_is_the_one_that_would_be_searched(name: str) -> None:
    default = bound_to(name)
    text = to_yaml(name, default)
    written = bound_to(name, text)
    assert written.searched_layers == default.searched_layers
    assert written.parameters == default.parameters
    assert [group.kinds for group in written.groups] == [group.kinds for group in default.groups]
    assert written.space.model_dump(exclude={"layers", "backbone", "min_share"}) == default.space.model_dump(
        exclude={"layers", "backbone", "min_share"}
    )
    for layer in default.shapes(default.thinning.full):
        assert layer in text


def test_a_user_backbone_gets_every_layer_by_name() -> None:
    text = to_yaml(TORCHVISION[0], bound_to(TORCHVISION[0]))
    channels = "channels: {low: 0.0625, high: 1.0, log: true}, round_to: 8"
    assert f'"conv1": {{kind: [conv], {channels}}}  # 3 -> 64, 7x7, 9,408 parameters; too small' in text
    assert text.count("# ") > 25


def test_files_by_name_and_by_path(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("{version: 1, backbone: vgg11, layers: {'*': {}}}")
    assert load_space(str(own), "vgg11").granularity == "layer"
    assert load_space("generic", "vgg11").backbone == "*"
    assert space_path(None, "torchvision:resnet18").name == "generic.yaml"


def test_a_space_serves_a_net_with_and_without_the_settings_of_its_weights(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    for written in ("torchvision:googlenet", "torchvision:googlenet@pretrained"):
        own.write_text(f"{{version: 1, backbone: '{written}', layers: {{'*': {{}}}}}}")
        for searched in ("torchvision:googlenet", "torchvision:googlenet@pretrained"):
            assert load_space(str(own), searched).backbone == written


def test_mistakes(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("{version: 1, backbone: vgg11, layers: {'*': {}}}")
    with pytest.raises(InputError, match="backbone: 'vgg11' does not match backbone='base'"):
        load_space(str(own), "base")
    with pytest.raises(InputError, match=r"space: there is no file 'vgg12' .* did you mean 'vgg11'"):
        load_space("vgg12", "vgg11")
    with pytest.raises(InputError, match=f"{tmp_path}: cannot be read: Is a directory"):
        load_space(str(tmp_path), "vgg11")
    own.write_text("")
    with pytest.raises(InputError, match=r"own.yaml: the file is empty"):
        load_space(str(own), "vgg11")


@pytest.mark.parametrize("name", ["resnet32", "resnet56"])
def test_thin_nets_offer_no_separable_layer_where_the_map_shrinks(name: str) -> None:
    with torch.device("meta"):
        convs = conv_layers(surgery.build_model(ModelSpec(name, 10, 3)))
    bound = bound_to(name)
    offered = {member for offer in bound.offers("separable") for member in offer.members}
    strided = {layer for layer in bound.searched_layers if convs[layer].stride != (1, 1)}
    assert len(strided) == 2
    assert offered == set(bound.searched_layers) - strided
