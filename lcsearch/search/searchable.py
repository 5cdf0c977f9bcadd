"""What of a net can be searched, found by running it before the run is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.core.text import format_count
from lcsearch.nets import surgery
from lcsearch.nets.count import Count
from lcsearch.nets.replaceable import plain_words, tied_words
from lcsearch.nets.sizer import Sizer
from lcsearch.nets.standardised import ordinary_words
from lcsearch.nets.use import left_words
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings
from lcsearch.search.new_images import NewImages
from lcsearch.search.space import BoundSpace, Space
from lcsearch.train.try_out import try_out, used_only_plain
from lcsearch.train.try_own import try_own


@dataclass(frozen=True, slots=True)
class Searchable:
    """A space that fits a net.

    Attributes:
        bound: The space, bound to the net.
        facts: With the sizes that the space allows.
        notes: What is to be said of the net, a line each.
        plain: Convolutions that the space searched, and that the net uses only as they are.
    """

    bound: BoundSpace
    facts: Facts
    notes: Sequence[str]
    plain: Sequence[str] = ()

    def without_plain(self, specs: Sequence[TrialSpec]) -> list[TrialSpec]:
        """Specs in which these convolutions are left plain."""
        return [replace(spec, model=_leaving(spec, self.plain)) for spec in specs]


def about_net(bound: BoundSpace) -> list[str]:
    """What is to be said of a net and of what cannot be searched of it."""
    with torch.device("meta"):
        model = surgery.build_model(bound.plain())
    of_model = (words(model) for words in (ordinary_words, plain_words, tied_words))
    said = *of_model, bound.thinning.whole_words()
    return [words for words in said if words is not None]


def searchable(
    bind: Callable[[Space], BoundSpace],
    space: Space,
    settings: RunSettings,
    facts: Facts,
    images: NewImages | None,
) -> Searchable:
    """Bind a space to a net, and try what comes of it.

    Convolutions that the net uses only as they are stay so: the space then says it, and with it the run.

    Args:
        bind: Binds a space to the run's net.
        space: What is to be searched.
        settings: Of the run.
        facts: Of its images.
        images: What nets are tried on; None where the user's own loop trains: then it is noise, and a net
            that uses convolutions only as they are is refused.

    Raises:
        InputError: The net fails, or is larger than the limits at its smallest.
    """
    bound = bind(space)
    try:
        return _tried(bound, settings, facts, images)
    except InputError:
        if images is None:
            raise
        smallest, recipe = bound.smallest(), settings.recipe
        plain = used_only_plain(bound.plain(), smallest, images.data, recipe, device=settings.device)
        again = bind(space.with_plain(plain))
        if not plain or not again.groups:
            raise
    found = _tried(again, settings, facts, images)
    return replace(found, notes=[*left_words(plain), *found.notes], plain=tuple(plain))


def _tried(bound: BoundSpace, settings: RunSettings, facts: Facts, images: NewImages | None) -> Searchable:
    facts = _sized(bound, settings, facts)
    return Searchable(bound, facts, _run(settings, bound, facts, images))


def _run(settings: RunSettings, bound: BoundSpace, facts: Facts, images: NewImages | None) -> list[str]:
    """Run the plain net and the smallest model once, and return what is to be said of them."""
    plain, smallest, device = bound.plain(), bound.smallest(), settings.device
    if images is None:
        return try_own(plain, smallest, facts.image_shape, device=device)
    cut = settings.fine_tune is not None
    return try_out(plain, smallest, images.data, settings.recipe, cut=cut, device=device)


def _sized(bound: BoundSpace, settings: RunSettings, facts: Facts) -> Facts:
    """The facts with the sizes that the space allows, which the limits must leave something of."""
    sizer = Sizer(facts.image_shape)
    sizer(bound.plain())  # what the plain net lacks is said of it, not of layers in place of its own
    smallest, largest = sizer(bound.smallest()), sizer(bound.largest())
    _check_limits(settings, smallest, bound.thinning.whole_words())
    return replace(facts, smallest_params=smallest.params, largest_params=largest.params)


def _check_limits(settings: RunSettings, smallest: Count, stays: str | None) -> None:
    """Refuse a limit below the smallest model, and say which channels could not make it smaller."""
    limits = {"max_params": smallest.params, "max_macs": smallest.macs}
    for name, least in limits.items():
        limit = getattr(settings, name)
        if limit is not None and limit < least:
            raise InputError(
                f"{format_count(limit)} is below the smallest possible model of this space, "
                f"{format_count(least)} ({least})" + (f"; {stays}" if stays else ""),
                setting=name,
            )


def _leaving(spec: TrialSpec, plain: Sequence[str]) -> ModelSpec:
    layers = {name: own for name, own in spec.model.layers.items() if name not in plain}
    return replace(spec.model, layers=layers)
