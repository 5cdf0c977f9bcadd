"""The cluster that tests of this folder share."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ray_cluster import Place, two_nodes

_closing = ExitStack()
_running: list[Any] = []


@pytest.fixture
def cluster() -> Any:
    """Started for the first test that asks for it."""
    if not _running:
        _running.append(_closing.enter_context(two_nodes()))
    return _running[0]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the cluster with the last test of this folder: its processes never rest."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        _running.clear()
        _closing.close()


@pytest.fixture
def place(cluster: Any, tmp_path: Path) -> Place:
    (tmp_path / "run").mkdir()
    return Place(tmp_path / "run", tmp_path / "shared", cluster.address)
