"""Keys of several families side by side, and families that cannot be searched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plugin_files import installed

from lcsearch.core.errors import InputError
from lcsearch.search.space import Space, parse_space, with_kinds

MODULE = """
from typing import ClassVar

from bank_family import BankFamily, BankRule
from pydantic import Field

from lcsearch.core.ranges import Count


class FixedFamily(BankFamily):
    name = "fixed"
    rule = None


class PairRule(BankRule):
    bank_size: Count = Field(default=Count(low=2, high=4), description="Kernels that layers share.")
    pairs: Count = Field(default=Count(low=1, high=2), description="Pairs.")


class PairFamily(BankFamily):
    name = "pair"
    rule = PairRule


FIXED, PAIR = FixedFamily(), PairFamily()
"""


@pytest.fixture(scope="module", autouse=True)
def families(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The families ``bank`` and ``pair``, one that cannot be searched, and one that does not load."""
    entries = {
        "bank": "bank_family:FAMILY", "broken": "nowhere_at_all:FAMILY",
        "fixed": "odd_families:FIXED", "pair": "odd_families:PAIR",
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("families")
    with installed(folder, "odd", "1.0", {"lcsearch.families": entries}, {"odd_families": MODULE}):
        yield


def space(rule: Any) -> Space:
    return parse_space({"version": 1, "backbone": "net", "layers": {"*": rule}}, "space")


def written(rule: Any) -> dict[str, Any]:
    """The rule as it is written out but for channels, ranges as pairs."""
    plain = pairs(space(rule).to_plain()["layers"]["*"])
    return {key: value for key, value in plain.items() if key not in ("channels", "round_to")}


def pairs(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: (v["low"], v["high"]) if isinstance(v, dict) else v for key, v in plain.items()}


def test_each_family_gets_the_keys_that_it_knows() -> None:
    rule = space({"kind": ["bank", "conv", "pair"], "bank_size": 3, "pairs": 2}).layers["*"]
    assert list(rule.offered) == ["bank", "pair"] and rule.kind == ["bank", "conv", "pair"]
    assert rule.offered["bank"].model_dump() == {"bank_size": {"low": 3, "high": 3, "log": False}}
    assert rule.offered["pair"].model_dump() == {
        "bank_size": {"low": 3, "high": 3, "log": False},
        "pairs": {"low": 2, "high": 2, "log": False},
    }
    assert rule.unused == {}


def test_a_rule_is_written_with_every_key() -> None:
    assert written({"kind": "bank"}) == {"kind": ["bank"], "bank_size": (1, 6)}
    assert written({"kind": "pair", "pairs": 1}) == {"kind": ["pair"], "bank_size": (2, 4), "pairs": (1, 1)}
    own = written({"kind": ["bank"], "bank_size": 2, "pairs": 1, "sparsity": 0.5})
    assert own == {"kind": ["bank"], "bank_size": (2, 2), "pairs": (1, 1), "sparsity": (0.5, 0.5)}


def test_channels_are_of_no_family_and_all_stay_where_nothing_is_said() -> None:
    plain = space({"kind": "conv"}).to_plain()["layers"]["*"]
    assert pairs(plain) == {"kind": ["conv"], "channels": (1.0, 1.0), "round_to": 1}
    own = {"kind": "bank", "channels": {"low": 0.25, "high": 0.5, "log": True}, "round_to": 16}
    rule = space(own).layers["*"]
    assert (rule.channels.low, rule.channels.high, rule.channels.log, rule.round_to) == (0.25, 0.5, True, 16)
    assert rule.unused == {}
    assert space(space(own).to_plain()["layers"]["*"]) == space(own)
    assert space({"channels": 0.5}).thins and not space(own | {"channels": 1}).thins


def test_where_two_families_differ_each_keeps_its_own() -> None:
    """Written out, the bank's size would be that of one of them."""
    both = {"kind": ["bank", "pair"], "pairs": 1}
    assert written(both) == {"kind": ["bank", "pair"], "pairs": (1, 1)}
    rule = space(both).layers["*"]
    sizes = [rule.offered[name].model_dump()["bank_size"] for name in ("bank", "pair")]
    assert [(one["low"], one["high"]) for one in sizes] == [(1, 6), (2, 4)]
    assert space(space(both).to_plain()["layers"]["*"]) == space(both)


def test_without_a_kind_layers_may_be_plain_or_linear() -> None:
    assert space({}).layers["*"].kind == ["conv", "linear"]
    assert list(space({}).layers["*"].offered) == ["linear"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "bnak"}, "kind[0]: there is no family 'bnak'; did you mean 'bank'?"),
        ({"kind": "fixed"}, "kind[0]: 'fixed' is not allowed; this family cannot be searched"),
        ({"kind": ["bank", "fixed"]}, "kind[1]: 'fixed' is not allowed; this family cannot be searched"),
        ({"kind": ["conv", "broken"]}, "kind[1]: family 'broken' (odd 1.0) does not load: "),
        ({"kind": ["conv", 3]}, "kind[1]: 3 is not text"),
        ({"kind": 3}, "kind: 3 is not a list"),
        ({"kind": "bank", "paris": 1}, "paris: unknown key; did you mean 'pairs' or 'sparsity'?"),
        ({"kind": "bank", "bank_size": 0}, "bank_size: 0 is not allowed; it must be a whole number of at"),
        ({"kind": "bank", "bank_size": {"low": 3, "high": 2}}, "bank_size.low: 3 is above high 2; "),
        ({"kind": "bank", "pairs": 0}, "pairs: 0 is not allowed; it must be a whole number of at least 1"),
    ],
    ids=str,
)
def test_mistakes(rule: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        space(rule)
    assert str(caught.value).startswith(f'space: layers."*".{message}')


def test_a_rule_that_is_no_mapping() -> None:
    with pytest.raises(InputError, match=r"\[\] is not allowed; write keys from kind, .*bank_size, .*pairs"):
        space([])


def test_a_family_that_is_not_searched_is_refused_in_one_line() -> None:
    plain = {"version": 1, "backbone": "*", "layers": {"*": {"kind": ["conv", "fixed"]}}}
    with pytest.raises(InputError) as caught:
        parse_space(plain, "file.yaml")
    message = "file.yaml: layers.*.kind[1]: 'fixed' is not allowed; this family cannot be searched"
    assert str(caught.value).replace('"', "") == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fixed", "kinds: 'fixed' is not allowed; this family cannot be searched"),
        ("broken", "family 'broken' (odd 1.0) does not load: "),
    ],
)
def test_nor_is_it_allowed_in_place_of_others(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        with_kinds(space({}), ["conv", name])
    assert str(caught.value).startswith(message)
