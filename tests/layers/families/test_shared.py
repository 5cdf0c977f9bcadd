from __future__ import annotations

import math

import pytest
import torch
from pydantic_core import PydanticCustomError
from torch import nn

from lcsearch.layers.families.shared import FAMILY, SharedSpec
from lcsearch.layers.shape import ConvShape, Places, Size

SHAPE = ConvShape(16, 16, (3, 3), bias=False)
SHAPES = dict.fromkeys("abc", SHAPE)


def test_words() -> None:
    spec = SharedSpec("stages.0.1", 8, 1)
    assert FAMILY.words(spec) == "8 shared and 1 unique filters, bank stages.0.1"
    assert FAMILY.short(spec) == "8+1"
    assert FAMILY.cells(FAMILY.numbers(spec)) == ("8 + 1 filters", "shared")
    assert FAMILY.coordinates(spec) == (3.0, 1.0) and FAMILY.coordinates(None) == (12.0, 12.0)
    assert FAMILY.describe(SHAPE, spec) == (1.0, math.log(9 / 16), math.log(2 / 17))


def test_specs_are_read_strictly() -> None:
    assert FAMILY.read({"bank": "b", "shared": 8}) == SharedSpec("b", 8, 0)
    for plain, at in (
        ({"bank": "", "shared": 8}, ("bank",)),
        ({"bank": "b", "shared": 0}, ("shared",)),
        ({"bank": "b", "shared": 8, "unique": -1}, ("unique",)),
        ({"shared": 8}, ("bank",)),
        ({"bank": "b", "shared": 8, "rank": 2}, ("rank",)),
    ):
        with pytest.raises(PydanticCustomError) as caught:
            FAMILY.read(plain)
        assert caught.value.context is not None and caught.value.context["at"] == at


def test_a_bank_counts_once_in_its_first_layer() -> None:
    specs = {"a": SharedSpec("x", 8, 1), "b": SharedSpec("x", 8, 0), "c": SharedSpec("x", 8, 2)}
    own = {"a": 144 + 9 * 18, "b": 8 * 18, "c": 2 * 144 + 10 * 18}
    stored = own | {"a": own["a"] + 8 * 144}
    assert FAMILY.sizes(SHAPES, specs) == {name: Size(count, count) for name, count in stored.items()}
    assert FAMILY.size(SHAPE, specs["a"]).stored == own["a"] + 8 * 144
    assert {FAMILY.together(name, spec) for name, spec in specs.items()} == {"x"}


def test_it_becomes_plain_where_all_layers_of_the_bank_together_save_nothing() -> None:
    spec = SharedSpec("x", 16, 0)
    assert FAMILY.canonical(SHAPE, spec) is None, "16 filters and their mixing are more than 16 filters"
    assert FAMILY.canonicals(SHAPES, dict.fromkeys("ab", spec)) == dict.fromkeys("ab", spec)
    assert FAMILY.canonicals(SHAPES, {"a": SharedSpec("x", 16, 12), "b": spec}) == {}


def test_macs_are_those_of_the_cheaper_form() -> None:
    places = Places(100, 25)
    assert FAMILY.macs(SHAPE, SharedSpec("x", 8, 1), places) == 25 * 9 * (144 + 16)
    assert FAMILY.macs(SHAPE, SharedSpec("x", 16, 1), places) == 25 * 16 * 144


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (
            {"a": SharedSpec("x", 8), "b": SharedSpec("x", 9)},
            "'b' cannot share bank 'x' with 'a': its shared=9 must be 8",
        ),
        (
            {"a": SharedSpec("x", 8), "wide": SharedSpec("x", 8)},
            "'wide' cannot share filters with 'a': its input channels are 32, not 16",
        ),
        ({"a": SharedSpec("x", 145)}, "shared=145 must be in 1..144 for filters of 144 numbers"),
        (
            {"deep": SharedSpec("x", 1)},
            "cannot share filters: it is depthwise; what fits is a convolution of one group, larger "
            "than 1x1 or with more outputs than inputs",
        ),
    ],
)
def test_layers_that_cannot_share_say_why(specs: dict[str, SharedSpec], message: str) -> None:
    shapes = SHAPES | {"wide": ConvShape(32, 16, (3, 3)), "deep": ConvShape(16, 16, (3, 3), 16)}
    convs = {
        name: nn.Conv2d(s.in_channels, s.out_channels, s.kernel, groups=s.groups, device="meta")
        for name, s in shapes.items()
    }
    for make in (
        lambda: FAMILY.canonicals(shapes, specs),
        lambda: FAMILY.sizes(shapes, specs),
        lambda: FAMILY.fresh_bundle({name: convs[name] for name in specs}, specs),
    ):
        with pytest.raises(ValueError) as caught:
            make()
        assert str(caught.value) == message


def test_layers_of_a_bundle_are_as_their_convolutions() -> None:
    convs = {
        "a": nn.Conv2d(4, 6, 3, stride=2, bias=False).double(),
        "b": nn.Conv2d(4, 6, 3, padding=1).double(),
    }
    specs = {"a": SharedSpec("x", 3, 1), "b": SharedSpec("x", 3, 0)}
    made = FAMILY.fresh_bundle(convs, specs)
    assert {name: FAMILY.spec_of(layer) for name, layer in made.items()} == specs
    assert made["b"].owner is made["a"] and made["a"].owner is None
    x = torch.randn(2, 4, 9, 9, dtype=torch.float64)
    assert all(made[name](x).shape == conv(x).shape for name, conv in convs.items())


def test_numbers_grow_with_the_channels_of_a_stage_up_to_those_of_a_filter() -> None:
    channels = {"a": 16, "c": 32, "e": 40}
    shapes = {f"{n}.{k}.x": ConvShape(c, c, (3, 3)) for n, c in channels.items() for k in range(3)}
    chosen = FAMILY.chosen_together({}, shapes, {"share_by": "stage", "shared": 8, "unique": 1})
    assert chosen == {
        f"{part}.{block}.x": SharedSpec(f"{part}.1.x", shared, unique)
        for part, shared, unique in (("a", 8, 1), ("c", 16, 2), ("e", 20, 2))
        for block in (1, 2)
    }
    most = FAMILY.chosen_together({}, shapes, {"share_by": "stage", "shared": 140, "unique": 9})
    assert {(spec.shared, spec.unique) for spec in most.values()} == {(140, 4), (280, 8), (350, 10)}
    assert FAMILY.left_out(shapes, {"share_by": "stage"}).keys() == shapes.keys() - chosen.keys()
