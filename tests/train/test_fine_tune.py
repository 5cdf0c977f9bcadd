from __future__ import annotations

from dataclasses import asdict

import pytest

from lcsearch.core.spec import Recipe
from lcsearch.train.fine_tune import fine_tune_recipe

TRAINED = Recipe(epochs=40, batch_size=32, lr=0.4, momentum=0.5, warmup=0.3, distill=0.25)


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        ({}, {"lr": 0.02, "distill": 0.25}),
        ({"lr": 0.07}, {"lr": 0.07, "distill": 0.25}),
        ({"distill": 0.0}, {"lr": 0.02, "distill": 0.0}),
    ],
)
def test_only_rate_warm_up_length_and_start_differ_from_the_backbones(
    asked: dict[str, float], changes: dict[str, float]
) -> None:
    expected = asdict(TRAINED) | {"epochs": 3, "warmup": 0.1, "init": "backbone"} | changes
    assert asdict(fine_tune_recipe(TRAINED, 3, **asked)) == expected
