"""How a model is trained that does not start from fresh weights, unless the user says otherwise."""

from __future__ import annotations

from dataclasses import replace

from lcsearch.core.spec import Recipe

FINE_TUNE = {"lr": 0.02, "warmup": 0.1}
"""Fields of the recipe that differ from a training from scratch.

`base` cut to 1/4 and 1/16 of its parameters, 10,000 images of 16 pixels of Fashion-MNIST, 2 seeds, after one
and after three epochs: rate 0.01 gives 87.3, 81.2, 88.4 and 84.9 %; 0.02 gives 87.2, 82.1, 88.8 and 85.6 %;
0.05 gives 86.9, 82.6, 88.6 and 85.5 %; 0.1 gives 86.6, 82.0, 88.3 and 85.0 %.
"""


def fine_tune_recipe(
    recipe: Recipe, epochs: int, lr: float | None = None, distill: float | None = None
) -> Recipe:
    """Return the recipe of a fine-tuning.

    Args:
        recipe: How the backbone is trained: what is not listed in `FINE_TUNE` is taken from it.
        epochs: Passes over the training images.
        lr: Peak learning rate; None for the default of `FINE_TUNE`.
        distill: Share of the loss that comes from the backbone's outputs; None for the recipe's own.
    """
    made = replace(recipe, **FINE_TUNE, init="backbone", epochs=epochs)  # type: ignore[arg-type]
    made = made if lr is None else replace(made, lr=lr)
    return made if distill is None else replace(made, distill=distill)


def longer_recipe(own: Recipe, epochs: int, tuned: Recipe | None) -> Recipe:
    """Return how a model is trained on from the weights that its training has left.

    Args:
        own: How it was trained. Fine-tuned, it is so again; from scratch, it is fine-tuned as others are.
        epochs: Passes over the training images.
        tuned: How the run fine-tunes; None where all of it trains from scratch.
    """
    if own.init == "scratch":
        own = tuned or fine_tune_recipe(own, epochs)
    return replace(own, epochs=epochs)
