"""Runs the programs of ``scripts`` in this process: what importing torch takes is then spent once."""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
from pathlib import Path

import optuna
import pytest
import torch

SCRIPTS = Path(__file__).parents[1] / "scripts"


def run_script(name: str, *arguments: str | int | Path) -> str:
    """Run a script as ``python scripts/NAME`` does, guard of ``__main__`` included; it must not fail.

    Returns:
        What it wrote on stdout.
    """
    said, there = io.StringIO(), set(sys.modules)
    verbosity, threads = optuna.logging.get_verbosity(), torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        patch.syspath_prepend(SCRIPTS)
        try:
            runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        except SystemExit as end:
            assert end.code in (None, 0), end.code
        finally:
            optuna.logging.set_verbosity(verbosity)
            torch.set_num_threads(threads)
            _forget(set(sys.modules) - there)
    return said.getvalue()


def _forget(names: set[str]) -> None:
    """Modules of scripts, and what these keep: the next run begins as a new process does."""
    for name in names:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == SCRIPTS:
            del sys.modules[name]
