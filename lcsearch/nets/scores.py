"""The logits of a net that answers with more: auxiliary heads, a dict, or maps of one pixel."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import new_class
from typing import Any

from torch import Tensor, fx, nn

from lcsearch.core.text import kind_of

_GIVE_SCORES = ("lcsearch", "torchvision")
"""Packages whose classification nets are built so that they give logits alone."""


def scores_in(answer: object) -> tuple[object, str]:
    """The logits in what a net answers.

    Args:
        answer: Logits (n, classes), or (n, classes, 1, 1); or a tuple, list or mapping whose first tensor, or
            whose ``logits``, are these.

    Returns:
        Logits (n, classes), and what was done to have them, in words, empty where nothing was. What is none
        of these comes back as it is.
    """
    found, words = answer, ""
    if not isinstance(answer, Tensor):
        found, words = _inside(answer)
    if isinstance(found, Tensor) and found.dim() == 4 and found.shape[2:] == (1, 1):
        flat = f"(n, {found.shape[1]}, 1, 1) is flattened"
        return found.flatten(1), f"{words}, {flat}" if words else flat
    return found, words


def _inside(answer: object) -> tuple[object, str]:
    """The tensor that is taken of several."""
    kind = kind_of(answer)
    named = answer.get("logits") if isinstance(answer, Mapping) else getattr(answer, "logits", None)
    if isinstance(named, Tensor):
        return named, f"of {kind} 'logits' alone is used"
    if not isinstance(answer, tuple | list | Mapping):
        return answer, ""
    parts = list(answer.values()) if isinstance(answer, Mapping) else list(answer)
    first = next((part for part in parts if isinstance(part, Tensor)), answer)
    return first, "" if first is answer else f"of {kind} of {len(parts)} the first tensor alone is used"


def tensors_in(answer: object) -> list[Tensor]:
    """All tensors of what a net answers: of a tuple, list or mapping, or the ``logits`` of an object."""
    if isinstance(answer, tuple | list | Mapping):
        parts = list(answer.values()) if isinstance(answer, Mapping) else list(answer)
    else:
        parts = [scores_in(answer)[0]]
    return [part for part in parts if isinstance(part, Tensor)]


def giving_scores(model: nn.Module) -> nn.Module:
    """Let a net give its logits alone, in place: it keeps its modules, their names and its own class's name.

    Its class becomes one derived from its own: so all that reads, copies, converts or exports the net sees
    the same modules and tensors as before. A net that needs no such class comes back as it is.
    """
    kind: Any = type(model)
    if kind.__module__.partition(".")[0] in _GIVE_SCORES or isinstance(model, _LEFT):
        return model
    model.__class__ = _giving_scores(kind)
    return model


def gives_scores(model: nn.Module) -> bool:
    """Whether a net was made to give its logits alone."""
    return isinstance(model, _GivesScores)


def own_answer(model: nn.Module, images: Tensor) -> object:
    """What a net answers by itself, whether or not it was made to give logits alone."""
    if not gives_scores(model):
        return model(images)
    adapted = type(model)
    model.__class__ = adapted.__bases__[1]
    try:
        return model(images)
    finally:
        model.__class__ = adapted


class _GivesScores:
    """Stands before a net's own class."""

    def forward(self, images: Tensor) -> Any:
        """The logits (n, classes) of images (n, c, h, w)."""
        return scores_in(super().forward(images))[0]  # type: ignore[misc]

    def __reduce_ex__(self, protocol: Any) -> tuple[Callable[..., Any], tuple[type], Any]:
        """Copies and pickles find the net's own class, under whose name they make this one."""
        return _empty, (type(self).__bases__[1],), self.__getstate__()


@functools.cache
def _giving_scores(kind: Any) -> Any:
    """The class of nets of a kind that give logits alone; made once."""
    about = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return new_class(kind.__name__, (_GivesScores, kind), exec_body=lambda body: body.update(about))


def _empty(kind: type) -> Any:
    made = _giving_scores(kind)
    return made.__new__(made)


_LEFT = (_GivesScores, nn.Conv2d, fx.GraphModule)
"""What is left as it is: a convolution may be the whole net and replaced; graphs make their own classes."""
