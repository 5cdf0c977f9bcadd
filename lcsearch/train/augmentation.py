"""Whether training images are cropped and flipped at random."""

from __future__ import annotations

from lcsearch.core.spec import Recipe
from lcsearch.data import DatasetInfo

AUGMENT_FROM_EPOCHS = 12
"""Shorter trainings do not augment unless the recipe says so: no image is seen often enough to be learnt by
heart. Four epochs on 10,000 images of Fashion-MNIST, one seed each: `base` 90.1 % without, 89.4 % with flips,
87.9 % with flips and crops of 2 pixels; `vgg11` half as wide 91.0 %, 90.5 % and 88.7 %."""


def same_views(one: Recipe, other: Recipe) -> bool:
    """Whether two trainings show the images in the same views, whatever the data set's habits are."""
    if not (_may_augment(one) or _may_augment(other)):
        return True
    first, second = ((r.epochs, r.crop, r.flip, r.augment) for r in (one, other))
    return first == second


def _may_augment(recipe: Recipe) -> bool:
    by_habit = recipe.epochs >= AUGMENT_FROM_EPOCHS and None in (recipe.crop, recipe.flip)
    return by_habit or bool(recipe.crop) or bool(recipe.flip) or resizes(recipe)


def crop_and_flip(recipe: Recipe, info: DatasetInfo) -> tuple[int, bool]:
    """Padding of the random crop in pixels (0 for none, and with resized ones), and whether to flip."""
    augments = recipe.epochs >= AUGMENT_FROM_EPOCHS or resizes(recipe)
    crop = (info.crop if augments else 0) if recipe.crop is None else recipe.crop
    crop = 0 if resizes(recipe) else crop
    flip = (info.flip and augments) if recipe.flip is None else recipe.flip
    return crop, flip


def resizes(recipe: Recipe) -> bool:
    """Whether random parts of images are shown, resized to the whole."""
    return recipe.augment == "resize"
