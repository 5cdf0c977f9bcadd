"""Which tests one process of pytest-xdist runs: a plugin of pytest.

``--dist loadgroup`` and its marks would say the same, but pytest 9.2 leaves them without effect
(pytest-dev/pytest-xdist#1386): what a file's tests share was then prepared in every process.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

_RAY = "tests/engines/ray/"


class Together(LoadFileScheduling):
    """A file's tests go to one process, and so do all that share a cluster of Ray."""

    def _split_scope(self, nodeid: str) -> str:
        return _RAY if nodeid.startswith(_RAY) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """Called by pytest-xdist."""
    return Together(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that short ones are left when one process has nothing more to do.

    Files that start Ray come before all: they mostly wait. Those that open a browser are long too.
    """
    marks: dict[Any, set[str]] = {}
    for item in items:
        marks.setdefault(item.path, set()).update(mark.name for mark in item.iter_markers())
    items.sort(key=lambda item: ["ray" not in marks[item.path], not marks[item.path] & {"slow", "browser"}])
