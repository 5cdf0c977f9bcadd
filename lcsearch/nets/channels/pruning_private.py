"""What is used of Torch-Pruning's private parts, and what is done where they are gone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from lcsearch.core.torch_private import sizes_of

_PLACES_PER_LAYER = 4
"""Far above what channels have that are read by all later layers: as inputs and outputs, of a few parts."""


@contextlib.contextmanager
def views_followed_with_care() -> Iterator[None]:
    """Follow channels only through views that flatten maps or make maps of what is flat.

    Torch-Pruning 1.6 guesses at the others, such as those of a channel shuffle: it divides by zero, or takes
    one channel for many. A view that keeps the last dimension, as of tokens whose channels come last, is none
    of them. A view that is passed over leaves channels in their places; `verified` finds which groups that is
    wrong for. A version without this function is left as it is.
    """

    def with_care(follow: Callable[[Any, Any], None], graph: Any, node: Any) -> None:
        sizes = sizes_of(node.grad_fn)
        if sizes is None or (2 in map(len, sizes) and sizes[0][-1] != sizes[1][-1]):
            with contextlib.suppress(ZeroDivisionError):
                follow(graph, node)

    with _replaced("update_reshape_index_mapping", with_care):
        yield


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Join channels of a graph that nothing is taken out of.

    Torch-Pruning works out again, at each question, where channels lie behind concatenations: in a net with
    many of them that takes most of the time. A version without this function takes it.
    """
    with _replaced("update_index_mapping", lambda update, graph: None):
        yield


@contextlib.contextmanager
def with_an_end(layers: int) -> Iterator[None]:
    """Give up, with an error, on channels that are found at more places than there can be.

    Where a net adds to the first of some channels again and again, as ReXNet does, Torch-Pruning 1.6 finds
    parts of parts of them, ever more with each block. A version without this method goes on to the end.

    Args:
        layers: Of the graph, operations and loose parameters among them.
    """
    from torch_pruning.dependency.group import Group

    add = getattr(Group, "add_dep", None)
    if add is None:
        yield
        return

    def add_up_to(group: Any, *arguments: Any, **named: Any) -> None:
        if len(group) > _PLACES_PER_LAYER * layers:
            raise RecursionError("channels are found at more places than there can be")
        add(group, *arguments, **named)

    Group.add_dep = add_up_to
    try:
        yield
    finally:
        Group.add_dep = add


@contextlib.contextmanager
def _replaced(name: str, by: Callable[..., None]) -> Iterator[None]:
    """Call a function of ours, given theirs first, in the place of one that the graph finds by its name."""
    from torch_pruning.dependency import index_mapping

    theirs = getattr(index_mapping, name, None)
    if theirs is None:
        yield
        return
    setattr(index_mapping, name, lambda *arguments: by(theirs, *arguments))
    try:
        yield
    finally:
        setattr(index_mapping, name, theirs)
