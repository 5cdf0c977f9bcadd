from __future__ import annotations

import pytest
from invented_runs import invented_run

from lcsearch.core.records import RunRecord


@pytest.fixture(scope="session")
def example() -> RunRecord:
    """60 trials with stops, failures and rejections."""
    return invented_run(60)
