"""Numbers by which pixels become what a net sees: read from plain data, and in words."""

from __future__ import annotations

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.normalisation import Normalisation
from lcsearch.core.strict import validate


def test_lists_are_read_and_words_are_short() -> None:
    read = validate(Normalisation, {"mean": [0.4856, 0.45, 0.4], "std": [0.123456, 1, 2.0]}, "f")
    assert read == Normalisation((0.4856, 0.45, 0.4), (0.123456, 1.0, 2.0))
    assert str(read) == "mean (0.4856, 0.45, 0.4), deviation (0.1235, 1, 2)"


def test_one_number_is_no_list() -> None:
    with pytest.raises(InputError, match=r"mean: 0\.5 is not"):
        validate(Normalisation, {"mean": 0.5, "std": [1.0]}, "f")
