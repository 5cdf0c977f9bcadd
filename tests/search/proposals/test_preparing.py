"""Which sizes a trained backbone is first cut down to."""

from __future__ import annotations

import itertools

import pytest
import torch

from lcsearch.core.spec import ModelSpec
from lcsearch.nets.surgery import build_model
from lcsearch.runs.settings import RunSettings
from lcsearch.search.proposals.guided import Preparing, log_spaced
from lcsearch.search.space import BoundSpace, bind, load_space


@pytest.fixture(scope="module")
def space() -> BoundSpace:
    template = ModelSpec("base", 10, 1)
    with torch.device("meta"):
        model = build_model(template)
    return bind(load_space(None, "base"), model, template)


def test_eight_sizes_largest_first(space: BoundSpace) -> None:
    sizes = Preparing(RunSettings("base", "digits"), space).budgets()
    steps = [space.params(space.plain()), *sizes, space.params(space.smallest())]
    shares = [after / before for before, after in itertools.pairwise(steps)]
    assert len(sizes) == 8 and max(shares) < 1
    assert shares == pytest.approx([shares[0]] * 9, rel=1e-3), "each is the same share of the one before"


def test_sizes_between_powers_of_ten_are_powers_of_ten() -> None:
    assert log_spaced(1, 10_000, 3) == [1000, 100, 10]


def test_none_is_above_the_limit(space: BoundSpace) -> None:
    sizes = Preparing(RunSettings("base", "digits", max_params=50_000), space).budgets()
    assert max(sizes) < 50_000 and len(set(sizes)) == 8
