"""Which sizes a trained backbone is first cut down to."""

from __future__ import annotations

import pytest
import torch

from lcsearch.core.spec import ModelSpec
from lcsearch.nets.surgery import build_model
from lcsearch.runs.settings import RunSettings
from lcsearch.search.proposals.preparing import Preparing
from lcsearch.search.space import BoundSpace, load_space


@pytest.fixture(scope="module")
def space() -> BoundSpace:
    template = ModelSpec("base", 10, 1)
    with torch.device("meta"):
        model = build_model(template)
    return load_space(None, "base").bind(model, template)


def test_eight_sizes_largest_first(space: BoundSpace) -> None:
    sizes = Preparing(RunSettings("base", "digits"), space).budgets()
    large, small = space.params(space.plain()), space.params(space.smallest())
    assert sizes == pytest.approx([large * (small / large) ** (k / 9) for k in range(1, 9)], rel=1e-4)


def test_none_is_above_the_limit(space: BoundSpace) -> None:
    sizes = Preparing(RunSettings("base", "digits", max_params=50_000), space).budgets()
    assert max(sizes) < 50_000 and len(set(sizes)) == 8
