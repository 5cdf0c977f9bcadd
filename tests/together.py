"""Which tests one process of pytest-xdist runs: a plugin of pytest.

``--dist loadgroup`` and its marks would say the same, but pytest 9.2 leaves them without effect
(pytest-dev/pytest-xdist#1386): what a file's tests share was then prepared in every process.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from filelock import FileLock
from xdist.scheduler import LoadFileScheduling

_RAY = "tests/engines/ray/"
_ONNX = ("tests/export/test_standard.py", "tests/testing/test_export_formats.py", "tests/cli/test_export.py")
_FOLDER = pytest.StashKey[str]()


class Together(LoadFileScheduling):
    """A file's tests go to one process; so do all that share a cluster of Ray, and all that import ONNX."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_RAY):
            return _RAY
        return "onnx" if nodeid.startswith(_ONNX) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """Called by pytest-xdist."""
    return Together(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder that all processes see."""
    if not hasattr(config, "workerinput"):
        folder = TemporaryDirectory(prefix="together-")
        config.add_cleanup(folder.cleanup)
        config.stash[_FOLDER] = folder.name


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist for each process that it starts."""
    node.workerinput["together"] = node.config.stash[_FOLDER]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """One process collects before the others do.

    In a new environment Python compiles all that is imported, and pytest rewrites all tests, which takes
    twice as long as the rest: each process did it by itself when they all collected at once.
    """
    folder = getattr(session.config, "workerinput", {}).get("together")
    if folder is None:
        return (yield)
    lock, collected = FileLock(Path(folder, "lock")), Path(folder, "collected")
    lock.acquire()
    if collected.exists():
        lock.release()
    try:
        return (yield)
    finally:
        collected.touch()
        lock.release()


def pytest_collection_finish() -> None:
    """What was imported and collected stays: nobody need look through it each time garbage is sought."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that short ones are left when one process has nothing more to do.

    Files that start Ray come before all: they mostly wait. Those that open a browser are long too.
    """
    marks: dict[Any, set[str]] = {}
    for item in items:
        marks.setdefault(item.path, set()).update(mark.name for mark in item.iter_markers())
    items.sort(key=lambda item: ["ray" not in marks[item.path], not marks[item.path] & {"slow", "browser"}])
