from __future__ import annotations

import pytest

from lcsearch.core.spec import Recipe
from lcsearch.data import DatasetInfo
from lcsearch.train.augmentation import crop_and_flip

INFO = DatasetInfo("x", 10, 3, 32, (0.5,) * 3, (0.5,) * 3, flip=True, crop=4)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(epochs=11), (0, False)),
        (Recipe(epochs=12), (4, True)),
        (Recipe(epochs=4, crop=2, flip=True), (2, True)),
        (Recipe(epochs=100, crop=0, flip=False), (0, False)),
    ],
)
def test_short_trainings_augment_only_when_told_to(recipe: Recipe, expected: tuple[int, bool]) -> None:
    assert crop_and_flip(recipe, INFO) == expected
