"""The notebook whose kernel this process is, where it is one. IPython is asked only where it runs."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def shell() -> Any:
    """IPython's shell, where this process is one: that of a notebook, or of a terminal; else None."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def in_notebook() -> bool:
    """Whether what is displayed here goes to a notebook, which shows HTML and no terminal codes."""
    return getattr(shell(), "kernel", None) is not None


class Output:
    """One output of a cell, which stays in place when it changes."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, html: str, text: str) -> None:
        """Show HTML, in place of what was shown before.

        Args:
            html: What notebooks show.
            text: What is shown in its place by what reads a notebook and knows no HTML.
        """
        shown = {"text/html": html, "text/plain": text}
        if self._handle is None:
            display = importlib.import_module("IPython.display").display
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)
