from __future__ import annotations

import pytest

from lcsearch.core.text import counted, format_share


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.5, "1/2"), (0.25, "1/4"), (1 / 3, "1/3"), (1.0, "1"), (0.37, "0.37"), (0.0, "0"), (0.015625, "1/64")],
)
def test_shares(value, words):
    assert format_share(value) == words


def test_counted():
    assert [counted(n, "epoch") for n in (0, 1, 2, 1200)] == [
        "0 epochs",
        "1 epoch",
        "2 epochs",
        "1,200 epochs",
    ]
