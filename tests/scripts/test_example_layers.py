"""A compressed net is trained without a search."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_quarter_of_the_filters_learns_the_digits() -> None:
    command = [sys.executable, ROOT / "scripts" / "example_layers.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sizes, *epochs, standard = done.stdout.splitlines()
    plain, compressed = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+\d", sizes))
    assert compressed < plain / 3
    accuracy = [float(line.split(": ")[1].split()[0]) for line in (*epochs, standard)]
    assert len(epochs) == 4 and accuracy[-1] == accuracy[-2] > 95
