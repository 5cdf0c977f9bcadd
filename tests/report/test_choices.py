from __future__ import annotations

import math

from lcsearch.core.records import LayerCount
from lcsearch.core.spec import LayerSpec
from lcsearch.report.choices import TABLE_HEAD, layer_numbers, layer_words, table_words


def test_words():
    assert layer_words(LayerSpec("conv")) == "plain"
    assert layer_words(LayerSpec("linear", 0.25, rank=10)) == "alpha 1/4, rank 10"
    assert layer_words(LayerSpec("linear", 0.4, sparsity=0.75)) == "alpha 0.4, 75% of coefficients zero"


def test_cells():
    cells = [
        table_words(LayerCount("a", "linear", 0.25, None, None, 10, 1)),
        table_words(LayerCount("b", "linear", 0.25, 4, None, 10, 1)),
        table_words(LayerCount("c", "linear", 0.3, None, 0.5, 20, 1)),
        table_words(LayerCount("d", "conv", 1.0, None, None, 30, 1)),
    ]
    assert cells == [("1/4", "full"), ("1/4", "rank 4"), ("0.3", "50% zero"), ("", "plain")]
    assert all(len(cell) == len(TABLE_HEAD) for cell in cells)


def test_numbers_rise_with_what_a_layer_keeps():
    assert layer_numbers(LayerSpec("linear", 0.25, rank=8)) == (-2.0, 3.0, 1.0)
    assert layer_numbers(LayerSpec("linear", 0.5, sparsity=0.75))[2] == 0.25
    kept = [layer_numbers(LayerSpec("linear", 0.5, rank=r)) for r in (1, 2, 64)]
    assert kept == sorted(kept) and math.isclose(kept[2][1], 6.0)
    assert layer_numbers(LayerSpec("conv")) > layer_numbers(LayerSpec("linear", 0.99, rank=512))
