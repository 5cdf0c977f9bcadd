from __future__ import annotations

import pytest
import torch
from torch import nn

from lcsearch.core.config import recipe_values
from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.train import train
from lcsearch.train.augmentation import crop_and_flip

INFO = DatasetInfo("x", 10, 3, 32, (0.5,) * 3, (0.5,) * 3, flip=True, crop=4)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(epochs=11), (0, False)),
        (Recipe(epochs=12), (4, True)),
        (Recipe(epochs=4, crop=2, flip=True), (2, True)),
        (Recipe(epochs=100, crop=0, flip=False), (0, False)),
        (Recipe(epochs=1, augment="resize"), (0, True)),
        (Recipe(epochs=100, augment="resize", crop=3, flip=False), (0, False)),
    ],
)
def test_short_trainings_augment_only_when_told_to(recipe: Recipe, expected: tuple[int, bool]) -> None:
    assert crop_and_flip(recipe, INFO) == expected


def test_a_recipe_that_shifts_is_written_as_older_versions_write_it() -> None:
    assert "augment" not in Recipe(crop=2).to_plain()
    plain = Recipe(augment="resize").to_plain()
    assert Recipe(**recipe_values(plain, "recipe")) == Recipe(augment="resize")


def test_a_training_sees_other_views_where_the_recipe_says_so() -> None:
    info = DatasetInfo("drawn", 2, 1, 8, (0.5,), (0.3,), flip=False, crop=1)
    pixels = torch.randint(256, (32, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    images = Split(pixels, torch.arange(32) % 2)

    def trained(recipe: Recipe) -> torch.Tensor:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
        train(model, SearchData(info, images, images), recipe, Regularizer(), seed=1)
        return model[1].weight

    shifted, resized, again = (
        trained(Recipe(epochs=1, batch_size=8, augment=one)) for one in ("shift", "resize", "resize")
    )
    assert torch.equal(resized, again) and not torch.equal(shifted, resized)
