"""Keeps off the terminal what a library prints while a tracker calls it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Others:
    """A stream for all threads but one, whose texts go nowhere."""

    def __init__(self, stream: Any, thread: int) -> None:
        self._stream = stream
        self._thread = thread

    def write(self, text: str) -> int:
        """Hand a text on, or drop it."""
        return len(text) if threading.get_ident() == self._thread else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what this thread prints; what other threads print meanwhile goes where it should."""
    whole = sys.stdout
    dropping = _Others(whole, threading.get_ident())
    sys.stdout = dropping  # type: ignore[assignment]
    try:
        yield
    finally:
        if sys.stdout is dropping:
            sys.stdout = whole
