"""What one would try without a search: one alpha for all layers, thinner nets, and known good shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from lcsearch.core.records import Origin
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers import arithmetic
from lcsearch.nets import backbones
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.bind import WIDTH_STEP

Params = Callable[[ModelSpec], int]

ALPHAS = (1 / 2, 1 / 4, 1 / 8)
"""The uniform alphas; each has a thinner net of about the same size beside it."""

SHAPES = ((0.12, 1 / 16), (0.05, 1 / 32), (0.05, 1 / 64))
"""Share of the parameters, from the first layer on, that stays plain; alpha of the layers behind them."""


class HandPicked(NamedTuple):
    """A model that no search proposed.

    Attributes:
        origin: Its kind.
        label: What a legend calls it.
        spec: The model, canonical.
    """

    origin: Origin
    label: str
    spec: ModelSpec


def hand_picked(
    bound: BoundSpace, params: Params | None = None, *, thinner: bool | None = None
) -> list[HandPicked]:
    """The plain backbone first, then uniform alphas, then thinner plain nets of about the same sizes.

    Args:
        bound: The space; what it keeps plain stays plain here too.
        params: Counts a model's parameters; by default the space's own arithmetic.
        thinner: Whether the backbone can be built thinner; by default ``backbones.takes_width`` knows.

    Returns:
        No model twice.

    Raises:
        InputError: ``thinner`` is left out and the backbone is none that lcsearch knows.
    """
    count = params or bound.params
    plain = replace(bound.template, width=bound.width.values[-1])
    picked = [HandPicked("baseline", "plain backbone", plain)]
    uniform = [
        HandPicked("uniform", f"uniform alpha 1/{round(1 / alpha)}", _with_alpha(bound, plain, alpha))
        for alpha in ALPHAS
    ]
    picked += uniform
    if backbones.takes_width(plain.backbone) if thinner is None else thinner:
        for _, _, model in uniform:
            thin = _thinner(plain, count(model), count)
            picked.append(HandPicked("thinner", f"thinner, width {thin.width:.3g}", thin))
    return _distinct(picked)


def known_good(bound: BoundSpace) -> list[HandPicked]:
    """Early layers plain, deep layers thin: the shapes that pay on most nets, to start a search from.

    Args:
        bound: The space; what it keeps plain stays plain here too.

    Returns:
        No model twice, the largest first.
    """
    plain = replace(bound.template, width=bound.width.values[-1])
    picked = [HandPicked("baseline", "", plain)]
    for share, alpha in SHAPES:
        model = _early_plain(bound, plain, share, alpha)
        picked.append(HandPicked("given", f"early plain, deep alpha 1/{round(1 / alpha)}", model))
    return _distinct(picked)[1:]


def _with_alpha(bound: BoundSpace, plain: ModelSpec, alpha: float) -> ModelSpec:
    """One alpha for all searched layers."""
    shapes = bound.shapes(plain.width)
    made = {
        name: arithmetic.canonical(shapes[name], LayerSpec("linear", alpha)) for name in bound.searched_layers
    }
    return replace(plain, layers={name: spec for name, spec in made.items() if spec is not None})


def _early_plain(bound: BoundSpace, plain: ModelSpec, share: float, alpha: float) -> ModelSpec:
    """One alpha, as near to it as each layer's range allows, for all but the first layers.

    A layer stays plain if all convolutions up to its end hold at most ``share`` of their parameters.
    """
    shapes, layers, passed = bound.shapes(plain.width), {}, 0
    sizes = {name: arithmetic.params(shape, LayerSpec("conv")) for name, shape in shapes.items()}
    allowed = {name: group.alpha for group in bound.groups for name in group.members}
    for name, shape in shapes.items():
        passed += sizes[name]
        if name in allowed and passed > share * sum(sizes.values()):
            spec = arithmetic.canonical(shape, LayerSpec("linear", allowed[name].clip(alpha)))
            if spec is not None:
                layers[name] = spec
    return replace(plain, layers=layers)


def _thinner(plain: ModelSpec, target: int, count: Params) -> ModelSpec:
    """The plain net whose size is nearest to a target, of all widths that are multiples of ``WIDTH_STEP``."""

    def at(step: int) -> ModelSpec:
        return replace(plain, width=step * WIDTH_STEP)

    low, high = 1, max(2, math.floor(plain.width / WIDTH_STEP))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(at(middle)) >= target else (middle, high)
    return min((at(low), at(high)), key=lambda model: abs(math.log(count(model) / target)))


def _distinct(picked: Sequence[HandPicked]) -> list[HandPicked]:
    seen: list[ModelSpec] = []
    kept = []
    for one in picked:
        if one.spec not in seen:
            seen.append(one.spec)
            kept.append(one)
    return kept
