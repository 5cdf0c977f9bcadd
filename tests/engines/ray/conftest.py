"""The cluster that tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray_cluster import Place, two_nodes


@pytest.fixture(scope="package")
def cluster() -> Iterator[Any]:
    with two_nodes() as made:
        yield made


@pytest.fixture
def place(cluster: Any, tmp_path: Path) -> Place:
    (tmp_path / "run").mkdir()
    return Place(tmp_path / "run", tmp_path / "shared", cluster.address)
