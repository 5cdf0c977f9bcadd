"""A compressed net is trained without a search."""

from __future__ import annotations

import re

import pytest
from programs import run_script


@pytest.mark.slow
def test_a_quarter_of_the_filters_learns_the_digits() -> None:
    sizes, *epochs, standard = run_script("example_layers.py").splitlines()
    plain, compressed = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+\d", sizes))
    assert compressed < plain / 3
    accuracy = [float(line.split(": ")[1].split()[0]) for line in (*epochs, standard)]
    assert len(epochs) == 4 and accuracy[-1] == accuracy[-2] > 95
