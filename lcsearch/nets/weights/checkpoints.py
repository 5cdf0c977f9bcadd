"""The groups of tensors in a file, wherever in a checkpoint they lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lcsearch.core.errors import InputError
from lcsearch.core.text import kind_of, listed

_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors that lie together.

    Attributes:
        place: The keys that lead to them; empty where the whole file is this group.
        tensors: By name.
        others: Names of what lies among them and is no tensor.
    """

    place: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    others: tuple[str, ...]


def groups(content: Any) -> list[Group]:
    """Find every mapping that holds tensors, in the order of the file.

    Args:
        content: What a file holds.

    Raises:
        InputError: There is none.
    """
    if not isinstance(content, Mapping):
        raise InputError(f"holds {kind_of(content)}; it must be a state_dict")
    found = list(_groups(content))
    if not found:
        names = listed(sorted(map(str, content)))
        raise InputError(f"holds no tensors by name{f', only {names}' if names else ''}")
    return found


def _groups(content: Mapping[Any, Any], place: tuple[str, ...] = ()) -> Iterator[Group]:
    named = {str(name): value for name, value in content.items()}
    tensors = {name: value for name, value in named.items() if isinstance(value, Tensor)}
    if tensors:
        yield Group(place, tensors, tuple(name for name in named if name not in tensors))
    if len(place) < _DEEPEST:
        for name, value in named.items():
            if isinstance(value, Mapping):
                yield from _groups(value, (*place, name))
