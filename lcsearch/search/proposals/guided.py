"""Models that promise to lose the least at given sizes: what each layer loses alone, summed up.

A knapsack with one choice from each group of layers: no more parameters than the budget, the smallest sum of
divergences. Solved group by group, keeping of all partial sums those that no other beats in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers import arithmetic
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import Group, Layers, Pick, Shapes

MOST_SUMS = 50_000
"""Partial sums that are kept; above, the best of each of so many equal steps of parameters."""


class Option(NamedTuple):
    """One thing that may become of a group: what it costs in parameters and in loss."""

    params: int
    loss: float
    layers: Layers


def best_for_budgets(sensitivity: Sensitivity, bound: BoundSpace, budgets: Sequence[int]) -> list[ModelSpec]:
    """Return for each budget the model that promises to lose the least.

    Only what was measured is combined: for each group of the space the measured alphas and ranks that its
    rule allows, or no compression. A group with a member that was not measured stays plain, where it may.

    Args:
        sensitivity: What each layer loses alone.
        bound: The space; the models are at the template's width.
        budgets: Parameters of the whole model.

    Returns:
        Canonical specs inside the space, in the order of the budgets. A budget that no combination meets gets
        none; two budgets may get the same.
    """
    shapes = bound.shapes(bound.template.width)
    options = [_options(group, sensitivity.rows, shapes) for group in bound.groups]
    if not all(options):
        return []
    fixed = bound.params(bound.template) - sum(
        arithmetic.params(shapes[name], LayerSpec("conv")) for group in bound.groups for name in group.members
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


def _options(group: Group, rows: Sequence[Row], shapes: Shapes) -> list[Option]:
    """What may become of a group, as far as it was measured."""
    measured = {(row.layer, row.alpha, row.rank): row for row in rows}
    found: dict[tuple[tuple[str, LayerSpec], ...], Option] = {}
    for pick in _picks(group, [row for row in rows if row.layer in group.members], shapes):
        layers = group.layers(pick, shapes)
        option = _option(group, layers, measured, shapes)
        if option is not None and group.find(layers, shapes) is not None:
            found[tuple(layers.items())] = option
    return list(found.values())


def _picks(group: Group, rows: Sequence[Row], shapes: Shapes) -> list[Pick]:
    """Choices of a group that may give its members what was measured."""
    picks = [Pick()] if "conv" in group.rule.kind else []
    for row in rows:
        p, _ = arithmetic.split(shapes[row.layer].out_channels, row.alpha)
        if not group.rule.alpha.low <= row.alpha <= group.rule.alpha.high or "linear" not in group.rule.kind:
            continue
        if row.rank is None:
            picks += [Pick(row.alpha, kind) for kind in group.rule.coefficients if kind == "full"]
        elif "low_rank" in group.rule.coefficients:
            picks.append(Pick(row.alpha, "low_rank", row.rank if group.rule.rank else row.rank / p))
    return picks


def _option(
    group: Group, layers: Layers, measured: Mapping[tuple[str, float, int | None], Row], shapes: Shapes
) -> Option | None:
    """The cost of a choice; None where a member was not measured like this."""
    params, loss = 0, 0.0
    for name in group.members:
        spec = layers.get(name)
        if spec is None:
            params += arithmetic.params(shapes[name], LayerSpec("conv"))
            continue
        row = measured.get((name, spec.alpha, spec.rank))
        if row is None or spec.sparsity is not None:
            return None
        params, loss = params + row.params, loss + row.divergence
    return Option(params, loss, layers)
