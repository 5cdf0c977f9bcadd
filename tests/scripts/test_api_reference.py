"""The API reference is made of the docstrings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_reference_holds_what_docstrings_say(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "api_reference.py", tmp_path, "lcsearch.core.pareto"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    page = (tmp_path / "lcsearch" / "core" / "pareto.html").read_text()
    assert "Return the indices of the non-dominated points" in page and "Raises" in page
