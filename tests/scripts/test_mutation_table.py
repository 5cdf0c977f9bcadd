"""What is said of the mutants that mutmut tried, with a stand-in for mutmut."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "mutation_table.py"
MUTMUT = """#!/bin/bash
case $1 in
    results) printf "    lcsearch.a.x_f__mutmut_1: {}\\n    lcsearch.a.x_f__mutmut_2: killed\\n"
             printf "    lcsearch.b.x_g__mutmut_1: not checked\\n" ;;
    show) echo "the change of $2" ;;
esac
"""


@pytest.mark.parametrize(
    ("result", "noticed"), [("killed", 2), ("timeout", 2), ("survived", 1), ("no tests", 1)]
)
def test_what_goes_unnoticed_is_shown_and_too_much_of_it_fails(
    tmp_path: Path, result: str, noticed: int
) -> None:
    mutmut = tmp_path / "mutmut"
    mutmut.write_text(MUTMUT.format(result))
    mutmut.chmod(0o755)
    done = subprocess.run([sys.executable, SCRIPT, mutmut], capture_output=True, text=True, check=False)
    share = f"lcsearch.a: {noticed} of 2 noticed, {50 * noticed}.0 %"
    shown = ["the change of lcsearch.a.x_f__mutmut_1", ""] if noticed == 1 else []
    assert done.stdout.splitlines() == [*shown, share]
    assert done.returncode == 2 - noticed
