"""What a family need not say itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bank_family
import pytest
from bank_family import BankSpec
from pydantic_core import PydanticCustomError
from torch import nn

from lcsearch.layers.closeness import Target
from lcsearch.layers.family import Family
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.shape import ConvShape, Places, Size

SHAPE = ConvShape(8, 16, (3, 3))


class Short(Family[BankSpec]):
    """As little of a family as there can be."""

    name = "short"
    colour = "#000000"
    spec = BankSpec

    def canonical(self, shape: ConvShape, spec: BankSpec) -> BankSpec | None:
        return BankSpec(spec.size, "one") if spec.size < shape.kernel[0] ** 2 else None

    def size(self, shape: ConvShape, spec: BankSpec) -> Size:
        return Size(spec.size, spec.size * shape.out_channels)

    def macs(self, shape: ConvShape, spec: BankSpec, places: Places) -> int:
        return 0

    def fresh(self, conv: nn.Conv2d, spec: BankSpec) -> FamilyLayer:
        return bank_family.FAMILY.fresh(conv, spec)

    def spec_of(self, layer: FamilyLayer) -> BankSpec:
        return bank_family.FAMILY.spec_of(layer)

    def words(self, spec: BankSpec) -> str:
        return f"{spec.size} kernels"

    def numbers(self, spec: BankSpec) -> dict[str, Any]:
        return {}

    def cells(self, numbers: Any) -> tuple[str, str]:
        return "", ""


FAMILY = Short()


def test_its_spec_is_read_strictly() -> None:
    assert FAMILY.read({"size": 2, "bank": "b"}) == BankSpec(2, "b")
    for plain, at, message in (
        ({"size": 0, "bank": "b"}, ("size",), "0 is not allowed; it must be at least 1"),
        ({"size": 2, "bank": "b", "sise": 2}, ("sise",), "unknown key; did you mean 'size'?"),
    ):
        with pytest.raises(PydanticCustomError) as caught:
            FAMILY.read(plain)
        assert caught.value.message() == message
        assert caught.value.context == {"message": message, "at": at}


def test_layers_by_themselves_are_worked_out_one_by_one() -> None:
    shapes = {"a": SHAPE, "b": ConvShape(8, 32, (2, 2)), "c": SHAPE}
    specs = {"a": BankSpec(2, "x"), "b": BankSpec(3, "x"), "c": BankSpec(9, "x")}
    assert FAMILY.refuses(SHAPE) is None
    assert FAMILY.together("a", specs["a"]) == "a"
    assert FAMILY.canonicals(shapes, specs) == {"a": BankSpec(2, "one"), "b": BankSpec(3, "one")}
    assert FAMILY.sizes(shapes, specs) == {"a": Size(2, 32), "b": Size(3, 96), "c": Size(9, 144)}
    convs = {"a": nn.Conv2d(8, 16, 3), "b": nn.Conv2d(8, 32, 3)}
    made = FAMILY.fresh_bundle(convs, {name: specs[name] for name in convs})
    assert {name: (layer.shape.out_channels, FAMILY.spec_of(layer)) for name, layer in made.items()} == {
        "a": (16, specs["a"]),
        "b": (32, specs["b"]),
    }


def test_each_layer_is_fitted_to_its_own_target() -> None:
    fitted: list[tuple[object, object]] = []

    class Fits(Short):
        def fit(self, layer: FamilyLayer, target: Target) -> None:
            fitted.append((layer, target))

    convs = {"a": nn.Conv2d(8, 16, 3), "b": nn.Conv2d(8, 16, 3)}
    layers = {name: FAMILY.fresh(conv, BankSpec(2, "x")) for name, conv in convs.items()}
    targets = {name: Target.of(convs[name]) for name in ("b", "a")}
    Fits().fit_bundle(layers, targets)
    assert [layer for layer, _ in fitted] == [layers["a"], layers["b"]]
    assert [target for _, target in fitted] == [targets["a"], targets["b"]]


def test_what_is_chosen_for_all_is_chosen_for_each_that_can_be_of_it() -> None:
    seen: list[tuple[nn.Conv2d, ConvShape]] = []

    class Wide(Short):
        def refuses(self, shape: ConvShape) -> str | None:
            return "it is narrow" if shape.out_channels < 16 else None

        def chosen(self, shape: ConvShape, numbers: Mapping[str, Any]) -> BankSpec:
            return BankSpec(shape.out_channels // numbers["part"], "one")

    class Weighed(Wide):
        def chosen_for(self, conv: nn.Conv2d, shape: ConvShape, numbers: Mapping[str, Any]) -> BankSpec:
            seen.append((conv, shape))
            return super().chosen_for(conv, shape, numbers)

    shapes = {"a": SHAPE, "b": ConvShape(8, 8, (3, 3)), "c": ConvShape(8, 32, (2, 2))}
    convs = {name: nn.Conv2d(8, shape.out_channels, shape.kernel) for name, shape in shapes.items()}
    assert Weighed().chosen_together(convs, shapes, {"part": 4}) == {
        "a": BankSpec(4, "one"), "c": BankSpec(8, "one"),
    }  # fmt: skip
    assert seen == [(convs["a"], shapes["a"]), (convs["c"], shapes["c"])]
    assert Weighed().left_out(shapes, {}) == {"b": "it is narrow"}


def test_it_is_not_searched_unless_it_says_so() -> None:
    assert FAMILY.rule is None and list(FAMILY.ways(SHAPE)) == []
    layer = FAMILY.fresh(nn.Conv2d(8, 16, 3), BankSpec(2, "x"))
    assert FAMILY.regularization([layer], "sum") is None
    assert FAMILY.describe(SHAPE, BankSpec(2, "x")) == ()
    assert FAMILY.coordinates(BankSpec(2, "x")) == () == FAMILY.coordinates(None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FAMILY.fit(nn.Identity(), ()), "family short: its layers are fitted in bundles"),  # type: ignore[arg-type]
        (lambda: FAMILY.offer(None, "group", {}), "family short: is not searched"),
        (
            lambda: FAMILY.offer_together(None, "group", {}, {}, each=True),
            "family short: its layers need no partners",
        ),
        (lambda: FAMILY.read_way({}, 5), "family short: none of its ways is measured"),
        (lambda: FAMILY.chosen(SHAPE, {}), "family short: has no options"),
    ],
)
def test_what_it_does_not_do_is_said(call: Any, message: str) -> None:
    with pytest.raises((TypeError, KeyError)) as caught:
        call()
    assert caught.value.args == (message,)


def test_words() -> None:
    spec = BankSpec(3, "x")
    assert FAMILY.short(spec) == "3 kernels"
    assert FAMILY.share_words(0.25) == "short 1/4"
    assert FAMILY.waste(SHAPE, spec) is None
