"""Functions that no other process can import by name: of notebook cells, lambdas, functions inside others."""

from __future__ import annotations

import functools
import inspect
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import cloudpickle

from lcsearch.core.notebook import shell

_CACHED = type(functools.cache(len))


class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """As cloudpickle; what ``functools.cache`` has made of such a function too, without its memory."""

    def reducer_override(self, value: Any) -> Any:
        """How a function or class is written, if not as pickle would."""
        if isinstance(value, _CACHED) and not _importable(value):
            return _cached, (value.__wrapped__, *value.cache_parameters().values())
        return super().reducer_override(value)


class ByValue:
    """Stands for an object in a pickle: what is read from there is the object.

    Args:
        value: It holds functions that cannot be imported by name.
    """

    def __init__(self, value: Any) -> None:
        self._value = value

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[bytes]]:
        return pickle.loads, (dumps(self._value),)


def dumps(value: Any) -> bytes:
    """Pickle an object with the code of its functions, and the variables that they use.

    Raises:
        Exception: Something of it cannot be pickled.
    """
    stream = io.BytesIO()
    ValuePickler(stream).dump(value)
    return stream.getvalue()


def goes_by_name(value: Any) -> bool:
    """Whether another process of this program finds by name every function that is pickled with an object."""
    if is_interactive():
        return False
    try:
        pickle.Pickler(_Nowhere()).dump(value)
    except Exception:
        return False
    return True


def is_interactive() -> bool:
    """Whether ``__main__`` is no file that other processes can run: a notebook, or a prompt."""
    return shell() is not None or not hasattr(sys.modules["__main__"], "__file__")


def culprit(value: Any) -> str:
    """The variable, of those that a function uses, that cannot be pickled; empty where none is found."""
    return next(_culprits(value, set()), "")


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, content: Any) -> int:
        return len(content)


def _culprits(value: Any, seen: set[int]) -> Iterator[str]:
    for name, part in _parts(value).items():
        if id(part) in seen:
            continue
        seen.add(id(part))
        try:
            ValuePickler(_Nowhere()).dump(part)
        except Exception:
            yield from _culprits(part, seen)
            yield name


def _parts(value: Any) -> dict[str, Any]:
    """What an object holds, and a function uses, by name."""
    if inspect.isfunction(value):
        used = inspect.getclosurevars(value)
        return {**used.nonlocals, **used.globals}
    if isinstance(value, functools.partial):
        places = {f"argument {place}": part for place, part in enumerate(value.args)}
        return {**places, **value.keywords, value.func.__name__: value.func}
    return dict(getattr(value, "__dict__", {}))


def _importable(function: Any) -> bool:
    """Whether another process finds a function in its module by its name."""
    try:
        found = attrgetter(function.__qualname__)(sys.modules[function.__module__])
    except (AttributeError, KeyError):
        return False
    return function.__module__ != "__main__" and found is function


def _cached(function: Callable[..., Any], maxsize: int | None, typed: bool) -> Callable[..., Any]:
    """A function that remembers its answers, those of its own process."""
    return functools.lru_cache(maxsize, typed)(function)
