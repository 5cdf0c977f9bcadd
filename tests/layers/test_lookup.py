"""Families by name and by spec, and sets of layers of several families."""

from __future__ import annotations

from collections.abc import Iterator

import bank_family
import pytest
from bank_family import BankSpec, TwinSpec
from plugin_files import installed

from lcsearch.core.records import LayerCount
from lcsearch.core.spec import LayerSpec
from lcsearch.layers import lookup
from lcsearch.layers.families import basis, conv, linear, separable
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.family import Way
from lcsearch.layers.shape import ConvShape, Size

WIDE = ConvShape(32, 64, (3, 3))
SHAPES = dict.fromkeys("abcdefg", WIDE)
LAYERS: dict[str, LayerSpec] = {
    "a": BankSpec(2, "x"),
    "b": LinearSpec(0.5),
    "c": BankSpec(2, "x"),
    "d": BankSpec(2, "y"),
    "e": TwinSpec(2, "x"),
    "f": LinearSpec(0.5),
}


class Measured(bank_family.BankFamily):
    """Banks of one kernel are measured, too."""

    name = "measured"

    def ways(self, shape: ConvShape) -> list[Way]:
        return [Way(BankSpec(1, "x"), 64 * 32 + 64 + 9, {}, "bank", ())]


MEASURED = Measured()


@pytest.fixture(scope="module", autouse=True)
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    families = {
        "bank": "bank_family:FAMILY",
        "twin": "bank_family:TWIN",
        "measured": f"{__name__}:MEASURED",
    }
    with installed(tmp_path_factory.mktemp("bank"), "bank", "1.0", {"lcsearch.families": families}, {}):
        yield


def test_families_are_found_by_name_and_by_spec() -> None:
    assert lookup.family("linear") is linear.FAMILY
    assert lookup.family_of(ConvSpec()) is conv.FAMILY
    assert lookup.family_of(BankSpec(2, "x")) is bank_family.FAMILY


def test_layers_that_share_tensors_are_one_bundle() -> None:
    found = [(kind.name, list(own)) for kind, own in lookup.bundles(LAYERS)]
    assert found == [
        ("bank", ["a", "c"]),
        ("linear", ["b"]),
        ("bank", ["d"]),
        ("twin", ["e"]),
        ("linear", ["f"]),
    ]
    assert {name: spec for _, own in lookup.bundles(LAYERS) for name, spec in own.items()} == LAYERS


def test_what_is_shared_counts_once_and_what_is_not_named_is_plain() -> None:
    # 64 * 32 kernels of 2 numbers each and 64 biases; a bank has 2 kernels of 9.
    mixed, linear_size = 64 * 32 * 2 + 64, 32 * 288 + 32 * 32 + 64
    stored = {
        "a": mixed + 18,
        "b": linear_size,
        "c": mixed,
        "d": mixed + 18,
        "e": mixed + 18,
        "f": linear_size,
        "g": 64 * 288 + 64,
    }
    assert lookup.sizes(SHAPES, LAYERS) == {name: Size(size, size) for name, size in stored.items()}


def test_what_saves_nothing_becomes_plain() -> None:
    layers = LAYERS | {"b": LinearSpec(1.0), "d": BankSpec(9, "y"), "f": LinearSpec(0.501)}
    assert lookup.canonicals(SHAPES, layers) == {
        "a": BankSpec(2, "x"),
        "c": BankSpec(2, "x"),
        "e": TwinSpec(2, "x"),
        "f": LinearSpec(0.5),
    }


def test_ways_are_those_of_every_family_that_takes_the_shape_by_falling_parameters() -> None:
    ways = lookup.ways(WIDE)
    ours = [way.spec for kind in (linear, separable, basis) for way in kind.FAMILY.ways(WIDE)]
    assert {way.spec for way in ways} == {BankSpec(1, "x"), *ours}
    assert [way.params for way in ways] == sorted((way.params for way in ways), reverse=True)
    assert ways[0].label != "bank" != ways[-1].label
    assert all(way.label != "bank" for way in lookup.ways(ConvShape(32, 64, (1, 1))))


def test_ways_are_those_of_the_families_that_are_asked_for() -> None:
    assert lookup.ways(WIDE, ["linear"]) == list(linear.FAMILY.ways(WIDE))
    assert {way.spec.family for way in lookup.ways(WIDE, ["measured", "separable"])} == {"bank", "separable"}
    assert lookup.ways(WIDE, []) == []


@pytest.mark.parametrize(
    ("layer", "cells"),
    [
        (LayerCount("a", "linear", 5, 5, {"alpha": 0.25, "rank": None, "sparsity": None}), ("1/4", "full")),
        (LayerCount("a", "bank", 5, 5, {"size": 3}), ("3", "bank")),
        (LayerCount("a", "conv", 5, 5, {}), ("", "plain")),
        (LayerCount("a", "dense", 5, 5, {}), ("", "plain")),
    ],
    ids=lambda value: value.family if isinstance(value, LayerCount) else "",
)
def test_cells(layer: LayerCount, cells: tuple[str, str]) -> None:
    assert lookup.cells(layer) == cells
