"""YAML files: read strictly, so that every mistake is one line that names its place, and written whole."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import yaml
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
from lcsearch.core.files import write_text

LARGEST_FILE_BYTES = 1_000_000
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars (``off`` is a word, ``1e-5`` is a number), and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a dict; a key that stands there twice is an error, not the last one's win."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands there twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # in C: ten times faster
    """Quotes every text that this reader or one of YAML 1.1 would take for something else."""


for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
    )
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)|[0-9]+\.[0-9]*|\.inf|\.nan)$"),
        list("-+0123456789."),
    )


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Args:
        path: The file.

    Returns:
        Plain data: dicts, lists, strings, numbers, booleans and None.

    Raises:
        InputError: The file cannot be read, is empty, is no text or is no YAML.
    """
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES and path.is_file():
            raise InputError(f"{path}: {path.stat().st_size} bytes are too many for a YAML file of this kind")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a YAML file: it is no UTF-8 text") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> Any:
    """Read YAML text; ``name`` stands in front of every message.

    Raises:
        InputError: The text is empty or no YAML; the message has the line.
    """
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise InputError(f"{name}: {_yaml_problem(error)}") from None
    except RecursionError:
        raise InputError(f"{name}: not a YAML file of this kind: it is nested too deeply") from None
    if data is None:
        raise InputError(f"{name}: the file is empty")
    return data


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that lcsearch wrote, keys to values.

    Raises:
        InputError: As `read_yaml`, or it holds something else.
    """
    plain = read_yaml(path)
    if not isinstance(plain, dict):
        raise InputError(f"{path}: is damaged: it holds no mapping of keys to values")
    return plain


def write_yaml(path: Path, plain: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write plain data as YAML, keys in their order, as `write_text`."""
    write_text(path, yaml_text(plain), durable=durable)


def yaml_text(plain: Mapping[str, Any], *, short: bool = False) -> str:
    """Plain data as YAML, keys in their order.

    Args:
        plain: Dicts, lists, strings, numbers, booleans and None; `read_yaml` gives the same back.
        short: Whether a mapping or list that holds no other stands in one line.
    """
    flow = None if short else False
    text = yaml.dump(
        dict(plain), Dumper=_Dumper, sort_keys=False, default_flow_style=flow, allow_unicode=True, width=100
    )
    return str(text)


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        words = error.problem or error.context or "not YAML"
        if error.context and error.context_mark and mark and error.context_mark.line != mark.line:
            words += f" ({error.context} that begins in line {error.context_mark.line + 1})"
        return place + " ".join(words.replace("'<stream end>'", "the end of the file").split())
    reason = getattr(error, "reason", "")
    return "not a YAML file: it holds characters that text does not" if reason else "not a YAML file"


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
        first = error.errors(include_url=False)[0]
        return (*first["loc"], *first.get("ctx", {}).get("at", ())), _words(first)
    return None


def format_path(keys: Iterable[Any]) -> str:
    """Write a YAML path: ``layers."*".alpha.low``, ``kind[0]``."""
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
