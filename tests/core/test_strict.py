"""What is said of plain data that is not as it must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from lcsearch.core.checked import Checked
from lcsearch.core.errors import InputError
from lcsearch.core.strict import Names, Strict, format_path, shown, validate

Rate = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, lt=10)]
Kind = Literal["conv", "linear"]


class Inner(Strict):
    kind: Kind = "conv"
    names: Names[str] = Field(default=["a"])
    word: str = Field(default="a", pattern="a+")


class Model(Strict):
    rate: Rate
    count: Count = 1
    flag: bool = False
    inner: dict[str, Inner] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record(Checked):
    rate: Rate
    count: Count = 1
    flag: bool = False


@dataclass(frozen=True)
class Lenient:
    """As somebody else's record may be: pydantic converts what it can."""

    count: int


MISTAKES: list[tuple[Any, str]] = [
    ({"rate": 0}, "rate: 0 is not allowed; it must be above 0"),
    ({"rate": 1.5}, "rate: 1.5 is not allowed; it must be at most 1"),
    ({"rate": 0.5, "count": 0}, "count: 0 is not allowed; it must be at least 1"),
    ({"rate": 0.5, "count": 10}, "count: 10 is not allowed; it must be below 10"),
    ({"rate": "0.5"}, "rate: '0.5' is not a number"),
    ({"rate": 0.5, "count": 2.5}, "count: 2.5 is not a whole number"),
    ({"rate": 0.5, "count": True}, "count: True is not a whole number"),
    ({"rate": 0.5, "flag": 1}, "flag: 1 is not true or false"),
    ({"rate": float("nan")}, "rate: nan is not a finite number"),
    ({}, "rate: is missing"),
    ({"rate": 0.5, "cuont": 1}, "cuont: unknown key; did you mean 'count'?"),
    ([1], "[1] is not allowed; write keys from rate, count, flag"),
]
DEEPER: list[tuple[Any, str]] = [
    ({"kind": "linaer"}, "inner.\"a.b\".kind: 'linaer' is not allowed; did you mean 'linear'?"),
    ({"names": []}, 'inner."a.b".names: is empty; name at least one'),
    ({"names": ["x", "y", "x"]}, "inner.\"a.b\".names[2]: 'x' stands there twice"),
    ({"names": ["x", 1]}, 'inner."a.b".names[1]: 1 is not text'),
    ({"names": 5}, 'inner."a.b".names: 5 is not a list'),
    ({"word": "b"}, "inner.\"a.b\".word: 'b' is not allowed: String should match pattern 'a+'"),
    (5, 'inner."a.b": 5 is not allowed; write keys from kind, names, word'),
]


@pytest.mark.parametrize("kind", [Model, Record])
@pytest.mark.parametrize(("data", "said"), MISTAKES)
def test_the_first_mistake_is_one_line(kind: type[Any], data: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(kind, data, "own.yaml")
    expected = f"own.yaml: {said}" + (", inner" if kind is Model and data == [1] else "")
    assert str(caught.value) == expected


@pytest.mark.parametrize(("inner", "said"), DEEPER)
def test_a_deeper_one_has_its_path(inner: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(Model, {"rate": 0.5, "inner": {"a.b": inner}}, "own.yaml")
    assert str(caught.value) == f"own.yaml: {said}"


def test_a_mapping_is_asked_for_in_words() -> None:
    with pytest.raises(InputError) as caught:
        validate(Model, {"rate": 0.5, "inner": [1]}, "own.yaml")
    assert str(caught.value) == "own.yaml: inner: [1] is not a mapping of keys to values"


@pytest.mark.parametrize("value", [2.5, "two", [2]])
def test_a_record_that_is_not_checked_strictly_says_the_same(value: Any) -> None:
    with pytest.raises(InputError) as caught:
        validate(Lenient, {"count": value}, "own.yaml")
    assert str(caught.value) == f"own.yaml: count: {value!r} is not a whole number"
    assert validate(Lenient, {"count": "2"}, "own.yaml") == Lenient(2)


def test_only_the_first_of_several_mistakes_is_told() -> None:
    with pytest.raises(InputError) as caught:
        validate(Record, {"rate": 2, "count": 0, "flag": 1}, "own.yaml")
    assert str(caught.value) == "own.yaml: rate: 2 is not allowed; it must be at most 1"


def test_a_model_that_is_made_in_python_says_the_same() -> None:
    with pytest.raises(ValidationError, match=r"names\n  'x' stands there twice \["):
        Inner(names=["x", "x"])


def test_what_is_as_it_must_be_comes_back() -> None:
    plain = {"rate": 1, "count": 9, "inner": {"x": {"kind": "linear", "names": "one"}}}
    found = validate(Model, plain, "f")
    assert (found.rate, found.count, found.flag) == (1.0, 9, False)
    assert found.inner["x"] == Inner(kind="linear", names=["one"])
    assert validate(Record, {"rate": 0.25, "flag": True}, "f") == Record(0.25, flag=True)


def test_paths_and_values_fit_into_one_line() -> None:
    assert format_path(["layers", "features.0", "kind", 1]) == 'layers."features.0".kind[1]'
    assert format_path(["a\nb"]) == '"a\\nb"'
    assert format_path([]) == ""
    assert format_path([0, "a", True, "é"]) == '[0].a."True"."é"'
    assert format_path([True, 0]) == '"True"[0]' and format_path(["é"]) == '"é"'
    assert shown("x" * 58) == repr("x" * 58) and shown("x" * 59) == repr("x" * 59)[:57] + "..."
