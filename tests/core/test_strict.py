"""What is said of plain data that is not as it must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from lcsearch.core.checked import Checked
from lcsearch.core.errors import InputError
from lcsearch.core.strict import Names, Strict, format_path, shown, validate

Rate = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, lt=10)]
Kind = Literal["conv", "linear"]


class Inner(Strict):
    kind: Kind = "conv"
    names: Names[str] = Field(default=["a"])


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
    (5, 'inner."a.b": 5 is not allowed; write keys from kind, names'),
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
    assert shown("x" * 58) == repr("x" * 58) and shown("x" * 59) == repr("x" * 59)[:57] + "..."
