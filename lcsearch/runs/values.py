"""Types of settings beyond Python's own: sizes and times as people write them, names, lists of names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from lcsearch.core.errors import InputError
from lcsearch.core.text import parse_count, parse_seconds

AUTO: Literal["auto"] = "auto"
"""As many trials at once as pay."""
_AT_ONCE = "auto, or a whole number of at least 1"
_NO_TRACKER = "none"
"""Said in place of trackers, ends those that a run has."""


@dataclass(frozen=True, slots=True)
class Check:
    """What an ``Annotated`` type asks of a value beside its bounds; pydantic calls it.

    Attributes:
        apply: Returns the value, or another in its place; raises `InputError` where it is not allowed.
        words: What is allowed; empty where the type says it.
        first: Whether it comes before the check of the type, and may turn a value into one of the type.
        metavar: What stands for a value in help; empty for what the type has.
    """

    apply: Callable[[Any], Any]
    words: str = ""
    first: bool = False
    metavar: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """The schema of the type together with this check."""
        from pydantic_core import core_schema

        if self.first:
            return core_schema.no_info_before_validator_function(self._for_pydantic, handler(source))
        return core_schema.no_info_after_validator_function(self._for_pydantic, handler(source))

    def _for_pydantic(self, value: Any) -> Any:
        from lcsearch.core.strict import problem

        try:
            return self.apply(value)
        except InputError as error:
            raise problem(str(error)) from None


def must(holds: Callable[[Any], bool], words: str) -> Check:
    """A condition that a value has to meet, and the condition in words."""

    def checked(value: Any) -> Any:
        if not holds(value):
            raise InputError(f"{value!r} is not allowed; {words}")
        return value

    return Check(checked, words)


def _as_written(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Reads texts and numbers; anything else is left to the check of the type."""

    def read(value: Any) -> Any:
        plain = isinstance(value, str | int | float) and not isinstance(value, bool)
        return parse(str(value)) if plain else value

    return read


def _as_path(value: Any) -> Path:
    if isinstance(value, str | Path):
        return Path(value)
    raise InputError(f"{value!r} is not the path of a file")


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return tuple(str(part) if isinstance(part, Path) else part for part in value)
    raise InputError(f"{str(value)!r} is not a list")


def _as_tracker(value: str) -> str:
    name, _, place = value.partition(":")
    if value != _NO_TRACKER and not (name.strip() and place.strip()):
        raise InputError(f"{value!r} says no place; NAME:PLACE is needed, such as tensorboard:FOLDER")
    return value


def _without_none(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for value in values if value != _NO_TRACKER)


def _as_source(value: Any) -> Path | dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else _as_path(value)


def _at_once(value: Any) -> Any:
    """Reads a text; anything else that is no whole number is left to the check of the type."""
    if value == AUTO:
        return value
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            raise InputError(f"{value!r} is not allowed; {_AT_ONCE}") from None
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        raise InputError(f"{value} is not allowed; {_AT_ONCE}")
    return value


Count = Annotated[int, Check(_as_written(parse_count), "a size such as 250000, 500k or 1.5M", True, "SIZE")]
Seconds = Annotated[float, Check(_as_written(parse_seconds), "a time such as 90s, 30m or 2h", True, "TIME")]
FilePath = Annotated[Path, Check(_as_path, "a path", True, "PATH")]
FileOrMapping = Annotated[Any, Check(_as_source, "a path, or in Python a mapping", True, "FILE")]
AtOnce = Annotated[int | Literal["auto"], Check(_at_once, _AT_ONCE, True, "NUMBER|auto")]
listed = Check(_as_tuple, first=True)
"""Takes a list for a tuple."""
Trackers = Annotated[
    tuple[Annotated[str, Check(_as_tracker)], ...], listed, Check(_without_none, f"or {_NO_TRACKER}")
]
