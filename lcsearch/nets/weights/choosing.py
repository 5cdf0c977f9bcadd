"""Which tensors of a file are a net's: under which key, behind which prefix of their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lcsearch.core.text import listed
from lcsearch.nets.weights.checkpoints import Group, groups

_AVERAGED = re.compile(r"(^|[._])(ema|swa|avg|average|averaged|shadow)([._]|$)")
_COUNTERS = ("total_ops", "total_params")
"""Buffers that thop leaves in nets that it has counted."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The tensors of one group whose names begin with one prefix.

    Attributes:
        group: They lie in it.
        prefix: What their names begin with; the net's own do not.
        named: How many have a name of the net's.
        shaped: How many of these have the shape too.
    """

    group: Group
    prefix: str
    named: int
    shaped: int

    @property
    def averaged(self) -> bool:
        """Whether its keys say that these are averages of other weights."""
        return any(_AVERAGED.search(part) for part in (*self.group.place, self.prefix))

    def __str__(self) -> str:
        """Where in the file it lies."""
        words = [".".join(self.group.place)] if self.group.place else []
        return ", ".join(words + ([f"names that begin with {self.prefix!r}"] if self.prefix else []))


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a file is for a net.

    Attributes:
        tensors: By the names of the net, and any that it does not have.
        said: What was taken and what was left out, in a line; empty where that is all of the file.
    """

    tensors: dict[str, Tensor]
    said: str


def take(content: Any, expected: Mapping[str, Tensor]) -> Taken:
    """Find a net's tensors in what a file holds.

    Most names that fit, and then most shapes, decide. A prefix is stripped only where the names of the net
    need it. Of weights and their averages, which fit alike, the weights are taken.

    Args:
        content: What the file holds.
        expected: Tensors by the names of the net.

    Raises:
        InputError: There are no tensors by name.
    """
    choices = [choice for group in groups(content) for choice in _choices(group, expected)]
    best = max(choices, key=lambda choice: (choice.named, choice.shaped, not choice.averaged))
    under = {
        name.removeprefix(best.prefix): value
        for name, value in best.group.tensors.items()
        if name.startswith(best.prefix)
    }
    counters = [name for name, value in under.items() if name not in expected and _counts(name, value)]
    beside = [name for name in best.group.tensors if not name.startswith(best.prefix)]
    tensors = {name: value for name, value in under.items() if name not in counters}
    alike = [other for other in choices if other is not best and _fit(other) == _fit(best) and best.named]
    return Taken(tensors, _said(best, alike, [*counters, *beside, *best.group.others]))


def _fit(choice: Choice) -> tuple[int, int]:
    return choice.named, choice.shaped


def _choices(group: Group, expected: Mapping[str, Tensor]) -> Iterator[Choice]:
    """One for each prefix behind which there is a name of the net, the empty one first."""
    named, shaped = {"": 0}, {"": 0}
    for name, value in group.tensors.items():
        for prefix, rest in _ways_to_split(name):
            if rest in expected:
                named[prefix] = named.get(prefix, 0) + 1
                shaped[prefix] = shaped.get(prefix, 0) + (value.shape == expected[rest].shape)
    return (Choice(group, prefix, named[prefix], shaped[prefix]) for prefix in named)


def _ways_to_split(name: str) -> Iterator[tuple[str, str]]:
    yield "", name
    for dot in re.finditer(r"\.", name):
        yield name[: dot.end()], name[dot.end() :]


def _counts(name: str, value: Tensor) -> bool:
    """Whether a tensor that the net does not have is a mere counter, such as ``n_averaged``."""
    whole = not (value.is_floating_point() or value.is_complex())
    return value.numel() == 1 and (whole or name.rpartition(".")[2] in _COUNTERS)


def _said(best: Choice, alike: Sequence[Choice], left_out: Sequence[str]) -> str:
    parts = [f"taken: {best}"] if str(best) else []
    if alike:
        names = [str(one) or "the outermost" for one in alike]
        parts.append(f"not taken, though it fits as well: {listed(names)}")
    if left_out:
        parts.append(f"left out: {listed(left_out)}")
    return "; ".join(parts)
