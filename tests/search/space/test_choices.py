"""One choice for two convolutions: 8 to 8 channels with 3x3 kernels (576 parameters), and 1x1 ones (72).

The 3x3 layer may also get its 64 kernels from a bank of n: 64·n coefficients, 9·n for the bank.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bank_family import BankSpec
from plugin_files import installed

from lcsearch.core.errors import InputError
from lcsearch.core.parameters import NotInSpace, Replay
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.layers.shape import ConvShape
from lcsearch.search.space.groups import PLAIN, Group, Pick
from lcsearch.search.space.rule import LayerRule

POINT, SQUARE = ConvShape(8, 8, (1, 1)), ConvShape(8, 8, (3, 3), bias=False)
SHAPES = {"point": POINT, "square": SQUARE}
ALPHA = {"low": 0.25, "high": 0.5}


@pytest.fixture(scope="module", autouse=True)
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    entries = {"lcsearch.families": {"bank": "bank_family:FAMILY", "twin": "bank_family:TWIN"}}
    with installed(tmp_path_factory.mktemp("bank"), "bank", "1.0", entries, {}):
        yield


def group(*kinds: str, shapes: dict[str, ConvShape] = SHAPES, **rule: Any) -> Group:
    plain = {"kind": list(kinds), "alpha": ALPHA, "bank_size": {"low": 2, "high": 3}} | rule
    return Group.make("g", LayerRule.model_validate(plain), shapes)


def test_a_family_that_no_layer_can_be_of_is_no_choice() -> None:
    both = group("bank", "conv", "linear")
    assert (both.name, both.members) == ("g", ("point", "square"))
    assert both.kinds == ("bank", "conv", "linear") and list(both.offers) == ["bank", "linear"]
    assert both.offers["bank"].members == ("square",), "a bank has 3x3 kernels"
    assert both.offers["linear"].members == ("point", "square")
    alone = group("bank", "conv", "linear", shapes={"point": POINT})
    assert alone.kinds == ("conv", "linear") and list(alone.offers) == ["linear"]
    none = group("bank", shapes={"point": POINT})
    assert none.kinds == () and none.offers == {}


def test_two_families_with_one_parameter() -> None:
    with pytest.raises(InputError) as caught:
        group("linear", "bank", "twin")
    assert str(caught.value) == "space: two of linear, bank, twin have a parameter 'g/bank_size'"


def test_only_what_can_be_chosen_is_a_parameter() -> None:
    assert [p.name for p in group("conv", "linear", "bank").parameters()] == [
        "g/kind", "g/alpha", "g/bank_size",
    ]  # fmt: skip
    assert [p.name for p in group("bank").parameters()] == ["g/bank_size"]
    assert list(group("bank", bank_size=2).parameters()) == []


def test_choices_are_asked_for_and_answered() -> None:
    both = group("conv", "linear", "bank")
    for pick, answers in (
        (PLAIN, {"g/kind": "conv"}),
        (Pick("bank", (3,)), {"g/kind": "bank", "g/bank_size": 3}),
        (Pick("linear", Chosen(0.25, "full")), {"g/kind": "linear", "g/alpha": 0.5}),
    ):
        assert both.suggest(Replay(answers), 0.5) == pick
        given = both.answers(pick, 0.5)
        assert {name: given[name] for name in answers} == answers
        assert both.suggest(Replay(given), 0.5) == pick
    with pytest.raises(NotInSpace, match="g/bank_size"):
        both.suggest(Replay({"g/kind": "bank"}), 1.0)


def test_the_least_common_factor() -> None:
    both = group("conv", "linear", "bank")
    assert both.least_shrink(PLAIN) is None
    assert both.least_shrink(Pick("linear", Chosen(0.25, "full"))) == 0.5
    assert both.least_shrink(Pick("bank", (2,))) == 0.0


def test_layers_and_sizes_by_hand() -> None:
    """A quarter of 8 filters: 2 of them and 6·2 coefficients, and the bias of the 1x1 layer."""
    both = group("conv", "linear", "bank")
    quarter, shared = Pick("linear", Chosen(0.25, "full")), Pick("bank", (2,))
    assert both.layers(PLAIN, SHAPES) == {}
    assert both.layers(quarter, SHAPES) == {"point": LinearSpec(0.25), "square": LinearSpec(0.25)}
    assert both.layers(shared, SHAPES) == {"square": BankSpec(2, "g")}
    wider = SHAPES | {"beside": ConvShape(99, 99, (1, 1))}
    assert both.sizes({}, wider) == {"point": 72, "square": 576}
    assert both.sizes(both.layers(quarter, wider), wider) == {"point": 16 + 12 + 8, "square": 144 + 12}
    assert both.sizes(both.layers(shared, wider), wider) == {"point": 72, "square": 128 + 18}
    assert [both.params(pick, wider) for pick in (PLAIN, quarter, shared)] == [648, 192, 218]


def test_the_choice_that_makes_layers_is_found() -> None:
    both = group("conv", "linear", "bank")
    assert both.find({}, SHAPES) == PLAIN
    assert both.find({"square": BankSpec(3, "g")}, SHAPES) == Pick("bank", (3,))
    quarter = {"point": LinearSpec(0.25), "square": LinearSpec(0.25)}
    found = both.find(quarter, SHAPES)
    assert found is not None and found.family == "linear" and both.layers(found, SHAPES) == quarter
    assert both.find({"square": BankSpec(4, "g")}, SHAPES) is None, "not allowed"
    assert both.find({"square": LinearSpec(0.25)}, SHAPES) is None, "one choice for both"
    assert both.find({"point": LinearSpec(0.25), "square": BankSpec(2, "g")}, SHAPES) is None
    assert group("bank").find({}, SHAPES) is None
    whole = group("linear", alpha={"low": 0.5, "high": 1.0}).find({}, SHAPES)
    assert whole is not None and whole.family == "linear"


def test_the_smallest_and_the_largest_choice() -> None:
    """Half of the filters: 32 + 16 + 8 of the 1x1 layer, 288 + 16 of the other. A bank of 3: 192 + 27."""
    both = group("conv", "linear", "bank")
    assert both.extreme(SHAPES, "largest") == PLAIN
    smallest = both.extreme(SHAPES, "smallest")
    assert smallest.family == "linear" and both.params(smallest, SHAPES) == 192
    forced = group("linear", "bank")
    largest = forced.extreme(SHAPES, "largest")
    assert largest.family == "linear" and forced.params(largest, SHAPES) == 56 + 304
    assert forced.params(Pick("bank", (3,)), SHAPES) == 72 + 219
    wide = group("conv", "linear", "bank", alpha={"low": 0.45, "high": 0.5})
    assert wide.extreme(SHAPES, "smallest") == Pick("bank", (2,))
    assert group("conv", "bank", bank_size=9).extreme(SHAPES, "smallest") == PLAIN
    assert group("conv").extreme(SHAPES, "smallest") == PLAIN
