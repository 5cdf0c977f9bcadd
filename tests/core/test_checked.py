"""Records that are checked when they are read, those of a file's version among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from annotated_types import Ge

from lcsearch.core.checked import Checked, ReadBy, Versioned, version_first
from lcsearch.core.errors import InputError
from lcsearch.core.strict import problem, validate


def even(plain: Any) -> Any:
    if plain == "none":
        return 0
    if plain % 2:
        raise problem(f"{plain} is odd")
    return plain


@dataclass(frozen=True, slots=True)
class Inner(Checked):
    count: Annotated[int, Ge(1)]
    share: float = 0.5


@dataclass(frozen=True)
class File(Versioned):
    inner: Inner = Inner(1)
    free: Annotated[int, ReadBy(even)] = 0
    both: Annotated[int, ReadBy(even, then=True), Ge(2)] = 2


@pytest.fixture
def kind() -> type[File]:
    """A file of a type of its own for each test: what checks a type is made once."""
    return dataclass(frozen=True)(type("Own", (File,), {"__annotations__": {}}))


@pytest.mark.parametrize(
    ("plain", "found"),
    [
        ({"version": 1}, File(1)),
        ({"version": 1, "inner": {"count": 3, "share": 1}}, File(1, Inner(3, 1.0))),
        ({"version": 1, "inner": Inner(0)}, File(1, Inner(0))),  # one that was made is not checked again
        ({"version": 1, "free": "none", "both": 4}, File(1, free=0, both=4)),
        ({"version": 1, "free": 2.0}, File(1, free=2)),
    ],
)
def test_records_are_made_of_plain_data(kind: type[File], plain: Any, found: File) -> None:
    made = validate(kind, plain, "f")
    assert type(made) is kind and vars(made) == vars(found)


def test_a_record_that_was_made_is_taken_as_it_is(kind: type[File]) -> None:
    made = kind(1, free=3)
    assert validate(kind, made, "f") is made


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({"version": 2, "new": 1}, "version: 2 is not 1, the version this lcsearch reads"),
        ({"version": True}, "version: True is not 1, the version this lcsearch reads"),
        ({"version": "1"}, "version: '1' is not 1, the version this lcsearch reads"),
        ({"version": 0}, "version: 0 is not 1, the version this lcsearch reads"),
        ({"zzz": 1}, "zzz: unknown key; choose from both, free, inner, version"),
        ({"inner": {"count": 1}}, "version: is missing"),
        ([1], "[1] is not allowed; write keys from version, inner, free, both"),
        ({"version": 1, "inner": {"count": 0}}, "inner.count: 0 is not allowed; it must be at least 1"),
        ({"version": 1, "inner": {"count": "1"}}, "inner.count: '1' is not a whole number"),
        ({"version": 1, "inner": {"count": 1, "share": "1"}}, "inner.share: '1' is not a number"),
        (
            {"version": 1, "inner": {"count": 1, "share": float("inf")}},
            "inner.share: inf is not a finite number",
        ),
        ({"version": 1, "inner": {"cuont": 1}}, "inner.cuont: unknown key; did you mean 'count'?"),
        ({"version": 1, "inner": 3}, "inner: 3 is not allowed; write keys from count, share"),
        ({"version": 1, "inner": {"version": 2}}, "inner.version: unknown key; choose from count, share"),
        ({"version": 1, "free": 3}, "free: 3 is odd"),
        ({"version": 1, "both": 3}, "both: 3 is odd"),
        ({"version": 1, "both": "none"}, "both: 'none' is not allowed; it must be at least 2"),
        ({"version": 1, "both": 4.0}, "both: 4.0 is not a whole number"),
    ],
)
def test_a_mistake_is_one_line(kind: type[File], plain: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(kind, plain, "f")
    assert str(caught.value) == f"f: {said}"


@pytest.mark.parametrize("data", [{"version": 1, "a": 2}, {"a": 2}, {}, [2], None, "version"])
def test_data_of_this_version_or_of_none_is_left_as_it_is(data: Any) -> None:
    assert version_first(data) is data
