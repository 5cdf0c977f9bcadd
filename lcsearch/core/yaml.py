"""YAML files: read strictly, so that what is no YAML is one line, and written whole."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from lcsearch.core.errors import InputError
from lcsearch.core.files import write_text

LARGEST_FILE_BYTES = 1_000_000


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
