"""Plain data, checked strictly: a mistake is one line that names its place, the value and what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from lcsearch.core.errors import InputError, did_you_mean

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Strict(BaseModel):
    """A pydantic model that refuses unknown keys by name and converts nothing silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        return data if isinstance(data, BaseModel) else known_keys(tuple(cls.model_fields), data)


def known_keys(names: Sequence[str], data: Any) -> Any:
    """Plain data of a record, if it is a mapping of known keys.

    Raises:
        PydanticCustomError: It is none, or has another key.
    """
    if not isinstance(data, dict):
        raise problem(f"{shown(data)} is not allowed; write keys from {', '.join(names)}")
    for key in data:
        if key not in names:
            raise problem(f"unknown key; {did_you_mean(str(key), names)}", at=(key,))
    return data


def shown(value: Any) -> str:
    """A value as a message shows it: as Python writes it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def problem(message: str, at: tuple[Any, ...] = ()) -> PydanticCustomError:
    """An error for a pydantic validator to raise.

    Args:
        message: What is wrong and what is allowed, the value included.
        at: Keys that lead from the validated value to the place that is wrong.
    """
    return PydanticCustomError("lcsearch", "{message}", {"message": message, "at": tuple(at)})


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _no_name_twice(names: list[str]) -> list[str]:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise problem(f"{name!r} stands there twice", (place,))
    return names


_NameT = TypeVar("_NameT", bound=str)
Names = Annotated[
    list[_NameT], Field(min_length=1), BeforeValidator(_several), AfterValidator(_no_name_twice)
]
"""One name or several, none twice."""

_Kind = TypeVar("_Kind")


def adapter(kind: Any) -> TypeAdapter[Any]:
    """What checks plain data of a type; made once a type."""
    return _adapters(kind)


@cache
def _adapters(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def validate(kind: type[_Kind], data: Any, name: str) -> _Kind:
    """Validate plain data.

    Args:
        kind: A `Strict` model, or a dataclass that is `Checked`.
        data: What ``read_yaml`` returned.
        name: The file, for the message.

    Raises:
        InputError: ``name: path: what is wrong``, for the first mistake.
    """
    mistake = first_mistake(kind, data)
    if mistake is not None:
        path = format_path(mistake[0])
        raise InputError(f"{name}: {path}{': ' if path else ''}{mistake[1]}")
    return cast(_Kind, adapter(kind).validate_python(data))


def first_mistake(kind: type[Any], data: Any) -> tuple[tuple[Any, ...], str] | None:
    """The keys that lead to the first mistake in plain data, and what is wrong there; None if nothing is."""
    try:
        adapter(kind).validate_python(data)
    except ValidationError as error:
        return mistake_of(error)
    return None


def mistake_of(error: ValidationError) -> tuple[tuple[Any, ...], str]:
    """The keys that lead to the first mistake that pydantic found, and what is wrong there."""
    first = error.errors(include_url=False)[0]
    return (*first["loc"], *first.get("ctx", {}).get("at", ())), _words(first)


def format_path(keys: Iterable[Any]) -> str:
    """Write a YAML path: ``layers."*".kind[0]``."""
    text = ""
    for key in keys:
        if isinstance(key, int) and not isinstance(key, bool):
            text += f"[{key}]"
        elif isinstance(key, str) and _PLAIN_KEY.fullmatch(key):
            text += f".{key}" if text else key
        else:
            text += ("." if text else "") + json.dumps(str(key), ensure_ascii=False)
    return text


_TYPES = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "dict": "a mapping of keys to values",
}
_LIMITS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}


def _words(error: ErrorDetails) -> str:
    """What is wrong with one value and what is allowed, in words."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "lcsearch":
        return str(context["message"])
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        return f"{shown(value)} is not allowed; {did_you_mean(str(value), choices)}"
    if kind in _LIMITS:
        key, word = _LIMITS[kind]
        return f"{shown(value)} is not allowed; it must be {word} {context[key]:g}"
    if kind == "finite_number":
        return f"{shown(value)} is not a finite number"
    if kind == "too_short":
        return "is empty; name at least one"
    base = kind.rsplit("_", 1)[0].removesuffix("_from")
    if base in _TYPES:
        return f"{shown(value)} is not {_TYPES[base]}"
    return f"{shown(value)} is not allowed: {error['msg']}"
