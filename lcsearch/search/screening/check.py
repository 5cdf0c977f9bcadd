"""What screening needs, checked before a run is made."""

from __future__ import annotations

from lcsearch.core.errors import InputError, Named
from lcsearch.runs.settings import RunSettings
from lcsearch.search import samplers
from lcsearch.search.samplers import ScreeningSampler
from lcsearch.search.space import BoundSpace

FEWEST_TO_FIT = 2
"""Training images that models are cut out by, at least."""


def screening_images(settings: RunSettings, available: int) -> int:
    """How many training images candidates are evaluated on.

    Args:
        settings: Every setting of the run.
        available: Training images.

    Raises:
        InputError: There are too few for it, or too few are left to cut models out by.
    """
    held = round(settings.screen_images * available)
    if held < 1 or available - held < FEWEST_TO_FIT:
        raise InputError(
            f"of {available} training images that is {held} to evaluate candidates on and {available - held} "
            f"to cut them out by; at least 1 and {FEWEST_TO_FIT} are needed",
            setting="screen_images",
            value=settings.screen_images,
        )
    return held


def check_screening(settings: RunSettings, space: BoundSpace, available: int) -> None:
    """Make sure that what is to be screened can be.

    Args:
        settings: Every setting of the run.
        space: What is searched.
        available: Training images.

    Raises:
        InputError: The sampler chooses among no candidates, or there are too few images.
    """
    if not settings.screen:
        return
    if not isinstance(samplers.make(settings.sampler, seed=0, space=space), ScreeningSampler):
        raise InputError(
            *(
                "means nothing with ",
                Named("sampler", settings.sampler),
                ", which chooses among no candidates; ",
            ),
            *("use ", Named("sampler", "recombine"), " or ", Named("screen", 0)),
            setting="screen",
            value=settings.screen,
        )
    screening_images(settings, available)
