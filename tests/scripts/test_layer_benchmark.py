"""Layers of every family at a quarter of their numbers: a small table that is measured."""

from __future__ import annotations

import re

import pytest
from programs import run_script

pytestmark = pytest.mark.slow


def test_every_family_that_comes_to_a_quarter_is_in_the_table() -> None:
    small = ["--backbone", "base", "--image-size", "8", "--batch", "2", "--repeats", "1", "--threads", "1"]
    rows = [row for row in run_script("bench_layer.py", "--quarter", *small).splitlines() if row[:1] == "|"]
    head, first, *others = (
        [cell.strip() for cell in row.split("|")[1:-1]] for row in rows if "---" not in row
    )
    assert head == [
        "layer", "linear", "basis, fitted", "basis, random", "basis, trained", "shared", "separable",
    ]  # fmt: skip
    assert first[0] == "3-32 3x3/1 with bias groups 1 at 8" and len(others) == 3
    assert first[1] == "", "with 27 numbers a filter and 32 filters, no alpha comes near"
    for _, *cells in others:
        shown = [name for name, cell in zip(head[1:], cells, strict=True) if cell]
        assert shown == ["linear", "basis, fitted", "basis, trained", "shared", "separable"]
        assert all(re.fullmatch(r"\d+\.\d\d / \d+\.\d\d", cell) for cell in cells if cell)
