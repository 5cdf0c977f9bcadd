"""Models that promise to lose the least at given sizes: what each layer loses alone, summed up.

A knapsack with one choice from each group of layers: no more parameters than the budget, the smallest sum of
divergences. Solved group by group, keeping of all partial sums those that no other beats in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lcsearch.compress.sensitivity import Sensitivity
from lcsearch.core.device import pick_device
from lcsearch.core.freed_memory import freed_memory_kept
from lcsearch.core.job import Progress
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.weights import load_backbone
from lcsearch.runs.settings import RunSettings
from lcsearch.search.images import ANY_IMAGES, SessionImages
from lcsearch.search.proposals.descent import best_seen, counts_to_measure
from lcsearch.search.proposals.finishing import recipe_of
from lcsearch.search.proposals.measured import options_of
from lcsearch.search.proposals.mixed import of_all_families
from lcsearch.search.space import BoundSpace
from lcsearch.search.workers import make_objective
from lcsearch.train.start import Start, prepare

GUIDED = 8
"""Models that are proposed before any sampler is asked."""
MOST_SUMS = 50_000
"""Partial sums that are kept; above, the best of each of so many equal steps of parameters."""


@dataclass(frozen=True)
class Preparing:
    """Measures the trained backbone in this process; what is measured already is read.

    Attributes:
        settings: Every setting of the run.
        space: The space, bound to the backbone.
        images: What trials see of the data set.
    """

    settings: RunSettings
    space: BoundSpace
    images: SessionImages = ANY_IMAGES

    def __call__(self, start: Path, progress: Progress) -> Sequence[ModelSpec]:
        """Fill the start folder and return the models that promise to lose the least.

        Largest first: each can be cut out of the one before.
        """
        settings = self.settings
        plain = self.space.plain()
        assert settings.fine_tune is not None
        with freed_memory_kept(pick_device(settings.device)):
            prepare(
                start,
                template=plain,
                layers=self.space.searched_layers,
                groups=self.space.thinning.found,
                counts=counts_to_measure(self.space.thinning),
                families=self.space.families,
                data=lambda: make_objective(settings, self.images).data(),
                recipe=settings.fine_tune,
                scratch=settings.thinner_recipe,
                longer=recipe_of(settings.fine_tune, settings) if settings.finish else None,
                seed=settings.seed,
                device=settings.device,
                threads=settings.threads_at_start,
                seen=self.images.seen,
                progress=progress,
            )
        if self.space.space.of_weights is not None:
            self.space.learn(conv_layers(load_backbone(plain, start)))
        found = Start(start).read_sensitivity()
        best = best_seen if self.space.thinning.choices else best_for_budgets
        below = settings.scratch_below * self.space.params(plain)
        return distinct(of_all_families(best, found, self.space, self.budgets(), below))

    def budgets(self) -> list[int]:
        """Parameters between the backbone and the smallest model, in equal steps of their logarithm."""
        largest = self.space.params(self.space.plain())
        largest = min(largest, self.settings.max_params or largest)
        return log_spaced(self.space.params(self.space.smallest()), largest, GUIDED)


def log_spaced(smallest: int, largest: int, count: int) -> list[int]:
    """So many sizes between two others, these left out, in equal steps of their logarithm, largest first."""
    step = (smallest / largest) ** (1 / (count + 1))
    return [round(largest * step**place) for place in range(1, count + 1)]


def distinct(models: Sequence[ModelSpec]) -> list[ModelSpec]:
    """Models in their order, none twice."""
    kept: list[ModelSpec] = []
    for model in models:
        if model not in kept:
            kept.append(model)
    return kept


def best_for_budgets(sensitivity: Sensitivity, bound: BoundSpace, budgets: Sequence[int]) -> list[ModelSpec]:
    """Return for each budget the model that promises to lose the least.

    Only what was measured is combined: for each group of the space what was measured of its members and its
    rule allows, or no compression. A group with a member that was not measured stays plain, where it may.

    Args:
        sensitivity: What each layer loses alone.
        bound: The space, which lets no channels go.
        budgets: Parameters of the whole model.

    Returns:
        Canonical specs inside the space, in the order of the budgets. A budget that no combination meets gets
        none; two budgets may get the same.
    """
    shapes = bound.shapes(bound.thinning.full)
    options = [options_of(group, sensitivity.rows, shapes) for group in bound.alone]
    if not all(options):
        return []
    fixed = bound.params(bound.template) - sum(
        shapes[name].params for group in bound.alone for name in group.members
    )
    chosen = knapsack(
        [[(option.params, option.loss) for option in own] for own in options],
        [budget - fixed for budget in budgets],
    )
    models = []
    for places in chosen:
        if places is not None:
            layers = {
                name: spec
                for own, place in zip(options, places, strict=True)
                for name, spec in own[place].layers.items()
            }
            models.append(bound.canonical(replace(bound.template, layers=layers)))
    return [model for model in models if model is not None]


def knapsack(
    groups: Sequence[Sequence[tuple[int, float]]], budgets: Sequence[int]
) -> list[tuple[int, ...] | None]:
    """Choose one option from each group for the smallest summed loss within a budget.

    Exact while no more than ``MOST_SUMS`` undominated partial sums arise.

    Args:
        groups: Options (params, loss) of each group, at least one.
        budgets: Most summed params.

    Returns:
        For each budget the places of the chosen options; None where nothing fits.
    """
    params: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
    loss: NDArray[np.float64] = np.zeros(1)
    steps: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for options in groups:
        sizes = np.array([size for size, _ in options], dtype=np.int64)
        losses = np.array([lost for _, lost in options])
        all_params = (params[:, None] + sizes).ravel()
        all_loss = (loss[:, None] + losses).ravel()
        keep = _undominated(all_params, all_loss)
        params, loss = all_params[keep], all_loss[keep]
        steps.append((keep // len(options), keep % len(options)))
    return [_trace(steps, int(np.searchsorted(params, budget, side="right")) - 1) for budget in budgets]


def _undominated(params: NDArray[np.int64], loss: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of the sums that no other beats, by rising params and falling loss."""
    order = np.lexsort((loss, params))
    best = np.minimum.accumulate(loss[order])
    new = np.concatenate([[True], best[1:] < best[:-1]])
    keep: NDArray[np.int64] = order[new]
    if len(keep) > MOST_SUMS:
        low, high = int(params[keep[0]]), int(params[keep[-1]])
        step = (params[keep] - low) * MOST_SUMS // (high - low + 1)
        last = np.concatenate([step[1:] != step[:-1], [True]])
        last[0] = True
        keep = keep[last]
    return keep


def _trace(
    steps: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], place: int
) -> tuple[int, ...] | None:
    """The options that lead to a sum; None for a place before the first."""
    if place < 0:
        return None
    chosen = []
    for before, option in reversed(steps):
        chosen.append(int(option[place]))
        place = int(before[place])
    return tuple(reversed(chosen))
